"""The standings of the rated columns, and the buttons that go on with the winner."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib.chat.conversation import Message
from lib.compare.comparison import ComparisonColumn, SetupFields, Standing, differing_fields, standings
from lib.ui.compare.comparison_tab import ComparisonTab
from lib.ui.shell.account_catalogue import find_model
from lib.ui.widgets.safe_markdown import escape_markdown


def draw_ratings(tab: ComparisonTab) -> None:
    """Draw the standings and what can be done with the winner, if anything is rated and nothing is hidden."""
    if tab.is_hidden or not tab.comparison.ratings:
        return
    ranked = standings(find_model, tab.comparison, tab.session.conversations())
    if not ranked:
        return
    with st.container(key="standings"):
        _draw_standings(ranked)
        if len(ranked) > 1 and _score(ranked[0]) == _score(ranked[1]):
            st.caption("No winner yet: the first two are equal.")
        elif (answer := _last_answer(tab, ranked[0].column)) is not None:
            _draw_winner_buttons(tab, ranked[0].column, answer)


def _draw_standings(ranked: Sequence[Standing]) -> None:
    rows = ["| Column | Rounds won | Draws | Stars | Answers rated | Settings |", "|---|--:|--:|--:|--:|---|"]
    differences = differing_fields([standing.setup for standing in ranked])
    rows += [_standing_row(standing, fields) for standing, fields in zip(ranked, differences, strict=True)]
    # A row that does not wrap scrolls by itself if it is wider than the screen.
    with st.container(horizontal=True, wrap=False):
        st.markdown("\n".join(rows))


def _standing_row(standing: Standing, differences: SetupFields) -> str:
    set_to = " · ".join(f"{field} {escape_markdown(value)}" for field, value in differences)
    return (
        f"| {standing.column.name} | {standing.wins} | {standing.ties} | {float(standing.stars):.2f} "
        f"| {standing.rated} | {set_to} |"
    )


def _score(standing: Standing) -> tuple[object, ...]:
    return standing.wins, standing.ties, standing.stars


def _last_answer(tab: ComparisonTab, column: ComparisonColumn) -> Message | None:
    """Return the shown answer of the last round that the column had."""
    for number in reversed(range(len(tab.comparison.rounds))):
        if (answer := tab.shown_answers(number).get(column.id)) is not None:
            return answer
    return None


def _draw_winner_buttons(tab: ComparisonTab, winner: ComparisonColumn, answer: Message) -> None:
    with st.container(horizontal=True):
        st.button(
            f"Continue with {winner.name} in Chat",
            key="winner-chat",
            type="primary",
            icon=":material/forum:",
            on_click=tab.continue_in_chat,
            args=(winner.id, answer),
            help="Opens a new conversation with its system prompt, settings and messages",
        )
        st.button(
            f"Save {winner.name} as preset",
            key="winner-preset",
            icon=":material/bookmark_add:",
            on_click=tab.keep_as_preset,
            args=(winner.id, answer),
        )
