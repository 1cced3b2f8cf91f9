"""Answers: the table of what came, a page of it at a time; one of them is open beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from lib.experiment.results.result_rows import CheckVerdict, ResultColumn, ResultRow
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.ui.experiment import answer_filters, opened_answer
from lib.ui.experiment.results_view import PREFIX, ResultsView

# Rows are sent a page at a time: 10,000 would be 3 MB for each change of the order, and for each second of a run.
PAGE_SIZE = 500
_TABLE, _SHOWN, OPEN_KEY = f"{PREFIX}table", f"{PREFIX}shown", f"{PREFIX}open"
_LONGEST = 240  # characters of a text in the table
_VERDICTS = {CheckVerdict.PASSED: "✓", CheckVerdict.FAILED: "✗", CheckVerdict.OPEN: "–"}
_WIDTHS = {
    ResultColumn.ANSWER: 300,
    ResultColumn.INPUT: 150,
    ResultColumn.SETTING: 170,
    ResultColumn.PROMPT: 90,
    ResultColumn.ENDING: 90,
}


def draw_answer_table(board: ResultsView) -> None:
    """The filters, the table and the open answer."""
    answer_filters.draw_answer_filters(board)
    by, down = answer_filters.sort_order()
    lines = board.lines(answer_filters.current_filter(board), by, down=down)
    if not lines:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"None of the {len(board.sheet.rows):,} answers is like that.", width="content")
            st.button(
                "Show all", key=f"{PREFIX}show-all", type="tertiary", on_click=answer_filters.clear_filters
            )
        return
    number = st.session_state.get(OPEN_KEY)
    at = next((at for at, line in enumerate(lines) if line.number == number), None)
    page = _page(lines, at)
    _above(board, lines, page)
    # Beside it also while none is open: a table that moves begins at its top again.
    table, beside = st.columns([3, 2])
    with table:
        _table(
            board,
            lines[page * PAGE_SIZE : (page + 1) * PAGE_SIZE],
            None if at is None else at - page * PAGE_SIZE,
        )
    with beside:
        if at is None:
            st.caption("The answer of the row that you click is read here.")
        else:
            opened_answer.draw_opened_answer(board, lines, at, open_answer)


def open_answer(number: int | None) -> None:
    """Open that answer, on whatever page it is; None closes the open one."""
    st.session_state[OPEN_KEY] = number
    st.session_state[answer_filters.PAGE_KEY] = None  # the page that it is on


def _page(lines: Sequence[ResultRow], at: int | None) -> int:
    """The page that is shown: the one that was turned to, or that of the open answer."""
    last = (len(lines) - 1) // PAGE_SIZE
    page = st.session_state.get(answer_filters.PAGE_KEY)
    if page is None:
        page = at // PAGE_SIZE if at is not None else 0
    page = min(page, last)
    st.session_state[answer_filters.PAGE_KEY] = page
    return int(page)


def _turn(page: int) -> None:
    st.session_state[answer_filters.PAGE_KEY] = page


def _table(board: ResultsView, lines: Sequence[ResultRow], at: int | None) -> None:
    """A page of rows. A click on a row opens it; on the head of a column, sorts by it."""
    st.session_state[_SHOWN] = tuple(line.number for line in lines)
    _select(at if at is not None and 0 <= at < len(lines) else None)
    by, down = answer_filters.sort_order()
    columns = answer_filters.shown_columns(board)
    config: dict[str, Any] = {}
    for column in columns:
        name = "#" if column is ResultColumn.NUMBER else column.value
        arrow = (" ↓" if down else " ↑") if column is by and by is not ResultColumn.NUMBER else ""
        config[column.value] = _config(column, name + arrow)
    rows = min(len(lines), 10)
    st.dataframe(
        {column.value: [_cell(board, column, line) for line in lines] for column in columns},
        key=_key(),
        on_select=_selected,
        selection_mode=("single-row", "single-cell", "single-column"),
        column_config=config,
        height=36 * (rows + 1) + 2,
        row_height=36,
        hide_index=True,
        placeholder="",
        alt="The answers; the open one is selected",
    )


def _config(column: ResultColumn, name: str) -> Any:
    types = st.column_config
    match column:
        case ResultColumn.NUMBER | ResultColumn.TOKENS_IN | ResultColumn.TOKENS_OUT:
            return types.NumberColumn(name, format="%d", width=None if column is ResultColumn.NUMBER else 85)
        case ResultColumn.COST:
            return types.NumberColumn(name, format="$%.6f")
        case ResultColumn.SECONDS:
            return types.NumberColumn(name, format="%.2f", width=75)
    return types.TextColumn(name, width=_WIDTHS.get(column))


def _cell(board: ResultsView, column: ResultColumn, line: ResultRow) -> Any:
    result = line.result
    match column:
        case ResultColumn.NUMBER:
            return line.number + 1
        case ResultColumn.PROMPT:
            return _text(line.prompt)
        case ResultColumn.SETTING:
            return _text(line.setting)
        case ResultColumn.INPUT:
            return _text(line.input)
        case ResultColumn.ANSWER:
            return _text(line.answer)
        case ResultColumn.VERDICT:
            return verdict_text(line)
        case ResultColumn.RATING:
            return "★" * (result.rating or 0)
        case ResultColumn.TOKENS_IN:
            return line.tokens_in
        case ResultColumn.TOKENS_OUT:
            return line.tokens_out
        case ResultColumn.COST:
            return float(result.cost)
        case ResultColumn.SECONDS:
            return line.seconds
        case ResultColumn.ENDING:
            return line.ending


def verdict_text(line: ResultRow) -> str:
    """A sign and, of several checks, how many were passed."""
    outcomes = line.result.outcomes
    if not outcomes:
        return ""
    passed = sum(outcome.passed is True for outcome in outcomes)
    words = line.verdict.value if len(outcomes) == 1 else f"{passed} of {len(outcomes)}"
    return f"{_VERDICTS[line.verdict]} {words}"


def _text(text: str) -> str:
    text = " ".join(text[: _LONGEST * 4].split())
    return replace_lone_surrogates(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _select(at: int | None) -> None:
    """Let the table mark the open row, wherever it is. A cell of it that was clicked stays: keys go on from it."""
    rows, cells = _selection()
    wanted = [] if at is None else [at]
    kept = [cell for cell in cells if cell[0] == at]
    if rows != wanted or cells != kept:
        st.session_state[_key()] = {"selection": {"rows": wanted, "columns": [], "cells": kept}}


def _key() -> str:
    """In another order it is another table: it begins at its top, and no column is marked any more."""
    by, down = answer_filters.sort_order()
    page = st.session_state.get(answer_filters.PAGE_KEY) or 0
    return f"{_TABLE}-{by.name.lower()}-{'down' if down else 'up'}-{page}"


def _selection() -> tuple[list[int], list[tuple[int, str]]]:
    selection = (st.session_state.get(_key()) or {}).get("selection") or {}
    return list(selection.get("rows") or ()), list(selection.get("cells") or ())


def _selected() -> None:
    """Something in the table was clicked."""
    if columns := st.session_state[_key()]["selection"]["columns"]:
        answer_filters.sort_by(ResultColumn(columns[0]))
        return
    rows, cells = _selection()
    shown: tuple[int, ...] = st.session_state.get(_SHOWN, ())
    # A cell is clicked while another row is marked: the newer one counts.
    before = st.session_state.get(OPEN_KEY)
    places = [at for at in (*rows, *(cell[0] for cell in cells)) if at < len(shown)]
    numbers = [shown[at] for at in places]
    st.session_state[OPEN_KEY] = next(
        (one for one in numbers if one != before), numbers[0] if numbers else None
    )


def _above(board: ResultsView, lines: Sequence[ResultRow], page: int) -> None:
    """How many there are, and the other pages."""
    total = len(board.sheet.rows)
    count = f"{len(lines):,} of {total:,} answers" if len(lines) < total else f"{total:,} answers"
    last = (len(lines) - 1) // PAGE_SIZE
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"{PREFIX}pages"):
        if last:
            count += f" · {page * PAGE_SIZE + 1:,}–{min((page + 1) * PAGE_SIZE, len(lines)):,}"
        st.caption(f"{count}. Click a row to open it, the head of a column to sort by it.", width="stretch")
        if len(lines) < total:
            st.button(
                "Show all", key=f"{PREFIX}show-all", type="tertiary", on_click=answer_filters.clear_filters
            )
        if last:
            for sign, to, help in (("‹", page - 1, "The page before"), ("›", page + 1, "The next page")):
                st.button(
                    sign,
                    key=f"{PREFIX}page{sign}",
                    type="tertiary",
                    disabled=not 0 <= to <= last,
                    help=help,
                    on_click=_turn,
                    args=(to,),
                )
