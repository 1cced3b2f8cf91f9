"""Ahead: what the next send comes to in all columns, and what is wrong in which of them."""

from __future__ import annotations

import streamlit as st

from lib.model.pricing import cost_in_dollars, format_dollars
from lib.model.usage import Usage
from lib.ui.chat import request_preview
from lib.ui.chat.request_preview import RequestPreview
from lib.ui.compare.comparison_tab import ComparisonTab
from lib.ui.settings import conflict_fix
from lib.ui.widgets import chat_input_draft
from lib.ui.widgets.safe_markdown import escape_markdown

KEY = "compare-ahead"


@st.fragment
def draw_compare_next_send(board: ComparisonTab, told: frozenset[tuple[str, str]]) -> None:
    """Drawn anew by itself at each pause in the typing. ``told``: the conflicts that the page has at its controls."""
    chat_input_draft.watch()
    seen = board.preview_requests(chat_input_draft.text())
    if not board.is_hidden and conflict_texts(seen) != told:
        st.rerun()
    with st.expander(_line(board, seen), key=KEY, type="compact"):
        if board.is_hidden:
            st.caption("What each column sends is hidden until its answers are rated or revealed.")
            return
        rows = ["| Column | Tokens in | Left for the answer | From | To |", "|---|--:|--:|--:|--:|"]
        for column in board.comparison.columns:
            one, chat = seen[column.id], board.panels[column.id].chat
            if one.request is None:
                continue
            least, most = (
                cost_in_dollars(usage, chat.model.price) * board.comparison.repetitions
                for usage in request_preview.usage_range(chat, one)
            )
            about = "" if one.count.is_exact else "≈ "
            rows.append(
                f"| {column.name} | {about}{one.count.tokens:,} | {one.tokens_left:,} | \\{format_dollars(least)} "
                f"| \\{format_dollars(most)} |"
            )
        if len(rows) > 2:
            with st.container(
                horizontal=True, wrap=False
            ):  # it scrolls by itself where it is wider than the screen
                st.markdown("\n".join(rows))
        for column in board.comparison.columns:
            one = seen[column.id]
            if one.request is None and one.refused is not None and chat_input_draft.text().strip():
                st.caption(
                    f"**{column.name}** {escape_markdown(one.refused.message)} {escape_markdown(one.refused.advice)}"
                )
            if one.conflicts:
                st.caption(f"**Column {column.name}**")
            for number, conflict in enumerate(one.conflicts):
                panel = board.panels[column.id]
                conflict_fix.draw_conflict(panel, conflict, panel.key(f"mend-ahead-{number}"))


def conflict_texts(seen: dict[str, RequestPreview]) -> frozenset[tuple[str, str]]:
    """What is wrong, by column."""
    return frozenset((id, one.text) for id, each in seen.items() for one in each.conflicts)


def _line(board: ComparisonTab, seen: dict[str, RequestPreview]) -> str:
    comparison = board.comparison
    times, columns = comparison.repetitions, len(comparison.columns)
    answers = f"{columns} columns" + (f" × {times} = {columns * times} answers" if times > 1 else "")
    spans = [
        request_preview.usage_range(board.panels[id].chat, one)
        for id, one in seen.items()
        if one.request is not None
    ]
    if len(spans) < columns:
        return f":material/send: Nothing to send yet · {answers}"
    least, most = (sum((span[at] for span in spans), Usage(0, 0)) for at in (0, 1))
    price = board.model.price
    about = "" if all(one.count.is_exact for one in seen.values()) else "≈ "
    amount = " – ".join(
        f"\\{format_dollars(cost_in_dollars(usage, price) * times)}" for usage in (least, most)
    )
    if board.backend is not None and not board.backend.billed:
        amount = f"would cost {amount}"
    number = 0 if board.is_hidden else len(conflict_texts(seen))
    warned = f" · :orange[:material/warning: {number}]" if number else ""
    return f"**Next send** · {answers} · {about}{least.prompt_tokens * times:,} tokens in · {amount}{warned}"
