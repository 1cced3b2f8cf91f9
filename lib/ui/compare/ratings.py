"""Ratings: which set-up was rated best how often, and what becomes of the winner."""

from __future__ import annotations

import streamlit as st

from lib.chat.conversation import Message
from lib.compare.comparison import SetupFields, Standing, differing_fields, standings
from lib.ui.compare.comparison_tab import ComparisonTab
from lib.ui.widgets.safe_markdown import escape_markdown


def draw_ratings(board: ComparisonTab) -> None:
    """The tally, once anything is rated and nothing is hidden."""
    if board.is_hidden or not board.comparison.ratings:
        return
    found = standings(board.model, board.comparison, board.session.conversations())
    if not found:
        return
    with st.container(key="standings", gap="small"):
        rows = [
            "| Column | Rounds won | Shared | Stars | Answers rated | Set to |",
            "|---|--:|--:|--:|--:|---|",
        ]
        told = differing_fields([one.setup for one in found])
        rows += [_row(one, facts) for one, facts in zip(found, told, strict=True)]
        with st.container(
            horizontal=True, wrap=False
        ):  # it scrolls by itself where it is wider than the screen
            st.markdown("\n".join(rows))
        first = found[0]
        if len(found) > 1 and (first.wins, first.ties, first.stars) == (
            found[1].wins,
            found[1].ties,
            found[1].stars,
        ):
            st.caption("No winner yet: the first two are level.")
            return
        if (answer := _last(board, first)) is None:
            return
        with st.container(horizontal=True, gap="small"):
            st.button(
                f"Go on with {first.column.name} in the chat",
                key="winner-chat",
                type="primary",
                icon=":material/forum:",
                on_click=board.continue_in_chat,
                args=(first.column.id, answer),
                help="A new conversation with its system prompt, settings and thread",
            )
            st.button(
                f"Keep {first.column.name} as a preset",
                key="winner-preset",
                icon=":material/bookmark_add:",
                on_click=board.keep_as_preset,
                args=(first.column.id, answer),
            )


def _row(one: Standing, facts: SetupFields) -> str:
    set_to = " · ".join(f"{what} {escape_markdown(value)}" for what, value in facts)
    return (
        f"| {one.column.name} | {one.wins} | {one.ties} | {float(one.stars):.2f} | {one.rated} | {set_to} |"
    )


def _last(board: ComparisonTab, one: Standing) -> Message | None:
    """The newest answer of that column that is looked at."""
    for number in reversed(range(len(board.comparison.rounds))):
        if (answer := board.shown_answers(number).get(one.column.id)) is not None:
            return answer
    return None
