"""Options that hold for all columns: repetitions, blind rating, and the base of the differences."""

from __future__ import annotations

import streamlit as st

from lib.compare.comparison import MAX_REPETITIONS
from lib.ui.compare.comparison_tab import NO_BASE, ComparisonTab
from lib.ui.widgets.bound import bind, draw_choice

_TIMES, _BLIND, _FROM = "compare-times", "compare-blind", "compare-from"


def draw_options(tab: ComparisonTab) -> None:
    """Draw the options, and Reveal while names are hidden."""
    comparison = tab.comparison
    times = bind(_TIMES, comparison.repetitions, tab.session.set_repetitions)
    blind = bind(_BLIND, comparison.is_blind, tab.session.set_blind)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="compare-options"):
        st.number_input(
            "Repetitions",
            **times.arguments(),
            min_value=1,
            max_value=MAX_REPETITIONS,
            width=130,
            help="How many answers each column gives to a message. A seed goes up by one with each; otherwise "
            "all of them would be the same.",
        )
        st.toggle(
            "Blind",
            help="From your next message on, the columns are shuffled, and their names, settings and figures are "
            "hidden until you have rated all answers.",
            **blind.arguments(),
        )
        if comparison.rounds:
            names = {NO_BASE: "Off"} | {
                column.id: tab.column_label(column) for column in comparison.displayed_columns
            }
            base = bind(_FROM, tab.diff_base, tab.set_diff_base)
            draw_choice(
                "Differences from",
                list(names),
                base,
                format_func=lambda id: names.get(id, ""),
                help="Compares the other answers with this column's, word by word. Words that only this column has "
                "are struck through; words that it does not have are underlined.",
            )
        draw_reveal(tab)


def draw_reveal(tab: ComparisonTab) -> None:
    """Draw the button that shows the names, while they are hidden."""
    if not tab.is_hidden:
        return
    left = len(tab.comparison.unrated_answers(tab.session.conversations()))
    st.button(
        "Reveal",
        key="reveal",
        icon=":material/visibility:",
        on_click=tab.session.reveal,
        help="Show names, settings and figures now",
    )
    if not tab.session.is_busy:
        st.caption(f"{left} left to rate", width="content")
