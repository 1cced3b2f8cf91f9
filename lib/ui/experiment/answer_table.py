"""The table of answers, one page at a time, with the opened answer beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from lib.experiment.results.result_rows import CheckVerdict, ResultColumn, ResultRow
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.pricing import format_dollars
from lib.ui.experiment import answer_filters, opened_answer
from lib.ui.experiment.answer_filters import PAGE_KEY
from lib.ui.experiment.page_buttons import draw_page_buttons
from lib.ui.experiment.results_view import PREFIX, ResultsView
from lib.ui.widgets.scroll_into_view import PHONE_WIDTH, ScrollTo, scroll_into_view
from lib.ui.widgets.short_text import shorten

# Rows are sent a page at a time: 10,000 would be 3 MB for each change of the order, and for each refresh of a run.
PAGE_SIZE = 500
# In the session's state: the table's own, the numbers of the rows that it shows, and the number of the opened answer.
_TABLE, _SHOWN, OPEN_KEY = f"{PREFIX}table", f"{PREFIX}shown", f"{PREFIX}open"
_MAX_CELL_CHARS = 240
_VERDICT_SIGNS = {CheckVerdict.PASSED: "✓", CheckVerdict.FAILED: "✗", CheckVerdict.OPEN: "–"}
_WIDTHS = {
    # Those of most runs fit beside the opened answer: a table cuts a text at its edge without “…”.
    ResultColumn.INPUT: 110,
    ResultColumn.PROMPT: 90,
    ResultColumn.ENDING: 90,
}


def draw_answer_table(view: ResultsView) -> None:
    """Draw the filters if they are open, the table and the opened answer."""
    answer_filters.draw_filter_box(view)
    column, is_descending = answer_filters.sort_order()
    rows = view.rows(answer_filters.current_filter(), column, is_descending=is_descending)
    if not rows:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"None of the {len(view.sheet.rows):,} answers matches.", width="content")
            _draw_show_all()
        return
    open_number = st.session_state.get(OPEN_KEY)
    open_index = next((index for index, row in enumerate(rows) if row.number == open_number), None)
    page = _page(rows, open_index)
    _draw_page_line(view, rows, page)
    # The second column stays while no answer is open: a table that changes its place scrolls back to its top.
    table, beside = st.columns([3, 2])
    first = page * PAGE_SIZE
    with table:
        _draw_table(view, rows[first : first + PAGE_SIZE], None if open_index is None else open_index - first)
    with beside:
        if open_index is None:
            st.caption("Click a row to read its answer here.")
        else:
            opened_answer.draw_opened_answer(view, rows, open_index, open_answer)
            # On a phone it stands below the table.
            scroll_into_view("opened", opened_answer.KEY, open_number, ScrollTo.TOP, max_width=PHONE_WIDTH)


def open_answer(number: int | None) -> None:
    """Open the answer of that number and turn to its page, None: close the opened answer."""
    st.session_state[OPEN_KEY] = number
    st.session_state[PAGE_KEY] = None


def _page_count(rows: Sequence[ResultRow]) -> int:
    return -(-len(rows) // PAGE_SIZE)


def _page(rows: Sequence[ResultRow], open_index: int | None) -> int:
    """Return the number of the page that the user turned to, else that of the opened answer."""
    page = st.session_state.get(PAGE_KEY)
    if page is None:
        page = open_index // PAGE_SIZE if open_index is not None else 0
    page = min(page, _page_count(rows) - 1)
    st.session_state[PAGE_KEY] = page
    return int(page)


def _draw_page_line(view: ResultsView, rows: Sequence[ResultRow], page: int) -> None:
    """Draw how many answers pass the filter, and the buttons that turn the page."""
    total, page_count = len(view.sheet.rows), _page_count(rows)
    count = f"{len(rows):,} of {total:,} answers" if len(rows) < total else f"{total:,} answers"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"{PREFIX}pages"):
        if page_count > 1:
            count += f" · {page * PAGE_SIZE + 1:,}–{min((page + 1) * PAGE_SIZE, len(rows)):,}"
        st.caption(f"{count}. Click a row to open it, or the name of a column to sort.", width="stretch")
        if len(rows) < total:
            _draw_show_all()
        if page_count > 1:
            draw_page_buttons(PAGE_KEY, page, page_count, "Previous page", "Next page")


def _draw_show_all() -> None:
    st.button("Show all", key=f"{PREFIX}show-all", type="tertiary", on_click=answer_filters.clear_filters)


def _draw_table(view: ResultsView, rows: Sequence[ResultRow], open_index: int | None) -> None:
    """Draw one page of rows. A click on a row opens it; a click on a column's head sorts by it."""
    st.session_state[_SHOWN] = tuple(row.number for row in rows)
    _select(open_index if open_index is not None and 0 <= open_index < len(rows) else None)
    sorted_by, is_descending = answer_filters.sort_order()
    columns = answer_filters.shown_columns(view)
    widths = _WIDTHS | _shared_widths(view.setting_names)
    config: dict[str, Any] = {}
    for column in columns:
        name = _column_name(view, column)
        has_arrow = column is sorted_by and sorted_by is not ResultColumn.NUMBER
        arrow = (" ↓" if is_descending else " ↑") if has_arrow else ""
        config[column.value] = _config(column, name + arrow, widths)
    visible_rows = min(len(rows), 12)
    st.dataframe(
        {column.value: [_cell(column, row) for row in rows] for column in columns},
        key=_key(),
        on_select=_handle_click,
        selection_mode=("single-row", "single-cell", "single-column"),
        column_config=config,
        height=36 * (visible_rows + 1) + 2,
        row_height=36,
        hide_index=True,
        placeholder="",
        alt="The answers; the open one is selected",
    )


def _column_name(view: ResultsView, column: ResultColumn) -> str:
    match column:
        case ResultColumn.NUMBER:
            return "#"
        case ResultColumn.COST if not view.is_billed:
            return "Would cost"
    return str(column.value)


def _config(column: ResultColumn, name: str, widths: dict[ResultColumn, int]) -> Any:
    types = st.column_config
    match column:
        case ResultColumn.NUMBER | ResultColumn.TOKENS_IN | ResultColumn.TOKENS_OUT:
            return types.NumberColumn(name, format="%d", width=None if column is ResultColumn.NUMBER else 85)
        case ResultColumn.COST:
            return types.TextColumn(name, alignment="right")
        case ResultColumn.SECONDS:
            return types.NumberColumn(name, format="%.2f", width=75)
    return types.TextColumn(name, width=widths.get(column))


def _shared_widths(names: Sequence[str]) -> dict[ResultColumn, int]:
    """Return the widths of the answers and of the settings with these names: names of models need more room."""
    longest = max(map(len, names), default=0)
    setting = min(max(round(longest * 7.3) + 18, 130), 240)
    return {ResultColumn.SETTING: setting, ResultColumn.ANSWER: 390 - setting}


def _cell(column: ResultColumn, row: ResultRow) -> Any:
    result = row.result
    match column:
        case ResultColumn.NUMBER:
            return row.number + 1
        case ResultColumn.PROMPT:
            return _one_line(row.prompt)
        case ResultColumn.SETTING:
            return _one_line(row.setting)
        case ResultColumn.INPUT:
            return _one_line(row.input)
        case ResultColumn.ANSWER:
            return _one_line(row.answer)
        case ResultColumn.VERDICT:
            return verdict_text(row)
        case ResultColumn.RATING:
            return "★" * (result.rating or 0)
        case ResultColumn.TOKENS_IN:
            return row.tokens_in
        case ResultColumn.TOKENS_OUT:
            return row.tokens_out
        case ResultColumn.COST:
            return format_dollars(result.cost)
        case ResultColumn.SECONDS:
            return row.result.seconds
        case ResultColumn.ENDING:
            return row.ending


def verdict_text(row: ResultRow) -> str:
    """Return a sign with the verdict, or with how many of several checks passed; empty without checks."""
    outcomes = row.result.outcomes
    if not outcomes:
        return ""
    passed = sum(outcome.passed is True for outcome in outcomes)
    words = row.verdict.value if len(outcomes) == 1 else f"{passed} of {len(outcomes)}"
    return f"{_VERDICT_SIGNS[row.verdict]} {words}"


def _one_line(text: str) -> str:
    # Cut first: an answer may be long, and only its beginning is shown.
    return replace_lone_surrogates(shorten(text[: _MAX_CELL_CHARS * 4], _MAX_CELL_CHARS))


def _select(index: int | None) -> None:
    """Mark the opened row in the table. A clicked cell of that row stays selected: the keyboard continues there."""
    rows, cells = _selection()
    selected_rows = [] if index is None else [index]
    kept_cells = [cell for cell in cells if cell[0] == index]
    if rows != selected_rows or cells != kept_cells:
        st.session_state[_key()] = {"selection": {"rows": selected_rows, "columns": [], "cells": kept_cells}}


def _key() -> str:
    """Return the table's key. Another order is another table, which starts at its top and has no column selected."""
    column, is_descending = answer_filters.sort_order()
    page = st.session_state.get(PAGE_KEY) or 0
    return f"{_TABLE}-{column.name.lower()}-{'down' if is_descending else 'up'}-{page}"


def _selection() -> tuple[list[int], list[tuple[int, str]]]:
    """Return the selected rows, and the selected cells as row and column."""
    selection = (st.session_state.get(_key()) or {}).get("selection") or {}
    return list(selection.get("rows") or ()), list(selection.get("cells") or ())


def _handle_click() -> None:
    if columns := st.session_state[_key()]["selection"]["columns"]:
        answer_filters.sort_by(ResultColumn(columns[0]))
        return
    rows, cells = _selection()
    shown: tuple[int, ...] = st.session_state.get(_SHOWN, ())
    # A click on a cell leaves the row marked that was open before: the other one of the two is the new one.
    previous = st.session_state.get(OPEN_KEY)
    indices = [index for index in (*rows, *(cell[0] for cell in cells)) if index < len(shown)]
    numbers = [shown[index] for index in indices]
    st.session_state[OPEN_KEY] = next(
        (number for number in numbers if number != previous), numbers[0] if numbers else None
    )
