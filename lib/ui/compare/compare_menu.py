"""Options that hold for all columns: repetitions, blind rating, and the base of the differences."""

from __future__ import annotations

import streamlit as st

from lib.compare.comparison import MAX_REPETITIONS
from lib.ui.compare.comparison_tab import NO_BASE, ComparisonTab
from lib.ui.widgets.fill import fill

_TIMES, _BLIND, _FROM = "compare-times", "compare-blind", "compare-from"


def draw_options(board: ComparisonTab) -> None:
    """Repetitions, blind rating and differences."""
    comparison = board.comparison
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="compare-options"):
        st.number_input(
            "Repetitions",
            1,
            MAX_REPETITIONS,
            fill(_TIMES, comparison.repetitions),
            key=_TIMES,
            width=130,
            on_change=_repeat,
            args=(board,),
            help="How many answers each column gives to an input, one after the other. A seed that is sent moves on "
            "by one with each of them: else all would be the same.",
        )
        st.toggle(
            "Blind",
            fill(_BLIND, comparison.is_blind),
            key=_BLIND,
            on_change=_blind,
            args=(board,),
            help="From the next send on columns are shuffled, and names, settings and figures are hidden until all "
            "answers are rated.",
        )
        if comparison.rounds:
            names = {NO_BASE: "Off"} | {
                column.id: board.column_label(column) for column in comparison.displayed_columns
            }
            st.segmented_control(
                "Differences from",
                list(names),
                default=fill(_FROM, board.diff_base),
                key=_FROM,
                required=True,
                format_func=lambda id: names.get(id, ""),
                on_change=_compare,
                args=(board,),
                help="Shows the other columns' answers word by word as differences from this one's: what it has more "
                "is struck through, what they have more is underlined.",
            )
        if board.is_hidden:
            left = len(comparison.unrated_answers(board.session.conversations()))
            st.button(
                "Reveal",
                key="reveal",
                icon=":material/visibility:",
                on_click=board.session.reveal,
                help="Show names, settings and figures now",
            )
            if not board.session.is_busy:
                st.caption(f"{left} to be rated", width="content")


def _repeat(board: ComparisonTab) -> None:
    board.session.set_repetitions(int(st.session_state[_TIMES] or 1))


def _blind(board: ComparisonTab) -> None:
    board.session.set_blind(bool(st.session_state[_BLIND]))


def _compare(board: ComparisonTab) -> None:
    if (chosen := st.session_state[_FROM]) is not None:
        board.set_diff_base(chosen)
