"""The next send to all columns, above the input box: its tokens, its cost and the conflicts of each column."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st

from lib.compare.comparison import ComparisonColumn
from lib.model.pricing import cost_in_dollars, format_dollars
from lib.ui.answer.answer_stats import estimate_text
from lib.ui.chat.request_preview import RequestPreview
from lib.ui.compare.comparison_tab import ComparisonTab
from lib.ui.settings import conflict_fix
from lib.ui.widgets import chat_input_draft
from lib.ui.widgets.safe_markdown import escape_markdown

KEY = "compare-ahead"  # of the expander


@st.fragment
def draw_compare_next_send(tab: ComparisonTab, conflicts: frozenset[tuple[str, str]]) -> None:
    """Draw the next send; the fragment reruns at each pause in the typing.

    ``conflicts``: those that the page shows at its controls. If the text brings others, the whole page reruns.
    """
    chat_input_draft.watch()
    previews = tab.preview_requests(chat_input_draft.text())
    if not tab.is_hidden and conflict_texts(previews) != conflicts:
        st.rerun()
    with st.expander(_summary_line(tab, previews), key=KEY, type="compact"):
        if tab.is_hidden:
            st.caption("What each column sends is hidden until you rate or reveal the answers.")
            return
        _draw_table(tab, previews)
        for column in tab.comparison.columns:
            _draw_problems(tab, column, previews[column.id])


def _draw_table(tab: ComparisonTab, previews: dict[str, RequestPreview]) -> None:
    rows = []
    for column in tab.comparison.columns:
        preview, chat = previews[column.id], tab.panels[column.id].chat
        if preview.request is None:
            continue
        least, most = (
            cost_in_dollars(usage, chat.model.price) * tab.comparison.repetitions
            for usage in preview.usage_range(chat.model)
        )
        about = "" if preview.count.is_exact else "≈ "
        rows.append(
            f"| {column.name} | {about}{preview.count.tokens:,} | {preview.max_answer_tokens(chat.model):,} "
            f"| \\{format_dollars(least)} | \\{format_dollars(most)} |"
        )
    if rows:
        head = [
            "| Column | Tokens to read | At most to write | At least | At most |",
            "|---|--:|--:|--:|--:|",
        ]
        # A row that does not wrap scrolls by itself if it is wider than the screen.
        with st.container(horizontal=True, wrap=False):
            st.markdown("\n".join(head + rows))


def _draw_problems(tab: ComparisonTab, column: ComparisonColumn, preview: RequestPreview) -> None:
    """Draw why a column cannot send, and its conflicts with their fixes."""
    error = preview.refused
    if preview.request is None and error is not None and chat_input_draft.text().strip():
        st.caption(f"**{column.name}** {escape_markdown(error.message)} {escape_markdown(error.advice)}")
    if preview.conflicts:
        st.caption(f"**Column {column.name}**")
    panel = tab.panels[column.id]
    for number, conflict in enumerate(preview.conflicts):
        conflict_fix.draw_conflict(panel, conflict, panel.key(f"mend-ahead-{number}"))


def conflict_texts(previews: dict[str, RequestPreview]) -> frozenset[tuple[str, str]]:
    """Return the conflicts of all columns as pairs of column id and text."""
    return frozenset(
        (id, conflict.text) for id, preview in previews.items() for conflict in preview.conflicts
    )


def _summary_line(tab: ComparisonTab, previews: dict[str, RequestPreview]) -> str:
    comparison = tab.comparison
    times, columns = comparison.repetitions, len(comparison.columns)
    answers = f"{columns} columns" + (f" × {times} = {columns * times} answers" if times > 1 else "")
    models = {id: tab.panels[id].chat.model for id in previews}
    ranges = {
        id: preview.usage_range(models[id]) for id, preview in previews.items() if preview.request is not None
    }
    if len(ranges) < columns:
        return f":material/send: Nothing to send yet · {answers}"
    tokens = sum(lower.prompt_tokens for lower, _ in ranges.values())
    about = "" if all(preview.count.is_exact for preview in previews.values()) else "≈ "
    amounts = (
        sum((cost_in_dollars(usages[end], models[id].price) for id, usages in ranges.items()), Decimal(0))
        * times
        for end in (0, 1)
    )
    cost = estimate_text(*amounts, billed=tab.is_billed, unit="messages")
    warning = conflict_fix.warning_count_text(0 if tab.is_hidden else len(conflict_texts(previews)))
    size = f"{about}{tokens * times:,} tokens to read"
    return f"**Your next message** · {warning}{answers} · {size} · {cost}"
