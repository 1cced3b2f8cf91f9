"""An answer in JSON mode: its validation, and views of it as a tree, as text and, if it is a list, as a table."""

from __future__ import annotations

from enum import StrEnum

import streamlit as st

from lib.files.csv_export import write_csv
from lib.jsonkit.json_answer_check import AnswerCheck, Invalid, NotJson, Unchecked, Valid, check_answer
from lib.jsonkit.json_table import JsonTable, TableCell, find_table
from lib.jsonkit.json_text import quote_line, write_literal
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.ui.widgets import model_text
from lib.ui.widgets.bound import bind_choice, draw_choice
from lib.ui.widgets.safe_markdown import escape_markdown

MAX_TABLE_ROWS = 100  # of the table on the page; the CSV file has all of them
_MAX_CELL_CHARS = 300
# Characters. A longer JSON text is not coloured: that takes the browser seconds.
_MAX_HIGHLIGHTED_CHARS = 20_000


class JsonView(StrEnum):
    """The views of a JSON answer; the values are the labels on the page."""

    TREE = "Tree"
    TEXT = "Text"
    TABLE = "Table"


def draw_json_answer(text: str, schema: str | None, key: str) -> None:
    """Draw the result of the validation and the views. ``schema`` is the request's, None if any object is valid."""
    verdict = check_answer(text, schema)
    _verdict(text, schema, verdict)
    match verdict:
        case Valid(value) | Invalid(value) | Unchecked(value=value) if isinstance(value, (dict, list)):
            rows_table = find_table(value)
        case _:
            _text(text)
            return
    views = tuple(JsonView) if rows_table is not None else (JsonView.TREE, JsonView.TEXT)
    first = JsonView.TABLE if rows_table is not None and isinstance(value, list) else JsonView.TREE
    kept = bind_choice(f"{key}-view", views, first)
    with st.container(key=f"{key}-answer", gap="small"):
        view = draw_choice("Show as", views, kept, label_visibility="collapsed")
        if view is JsonView.TEXT:
            _text(text)
        elif view is JsonView.TABLE and rows_table is not None:
            _table(rows_table, key)
        else:
            model_text.draw_json_tree(value, f"{key}-tree", expanded=3)


def _text(text: str) -> None:
    language = "json" if len(text) <= _MAX_HIGHLIGHTED_CHARS else None
    st.code(replace_lone_surrogates(text), language, wrap_lines=True)


def _verdict(text: str, schema: str | None, verdict: AnswerCheck) -> None:
    match verdict:
        case Valid(_, remark):
            headline = "Valid: all your fields are there" if schema is not None else "Valid: a JSON object"
            st.markdown(f":green[:material/check_circle:] **{headline}**")
            _draw_remark(remark)
        case Invalid(_, failures, more, remark):
            fault = "it does not match your fields" if schema is not None else "not an object"
            number = f"more than {len(failures)}" if more else str(len(failures))
            places = "place" if number == "1" else "places"
            st.markdown(f":red[:material/cancel:] **JSON, but {fault}**, in {number} {places}")
            lines = [f"- **{_escape(failure.path)}** {_escape(failure.message)}" for failure in failures]
            st.markdown("\n".join(lines))
            _draw_remark(remark)
        case NotJson(message, line, column, unfinished):
            st.markdown(f":red[:material/cancel:] **Not JSON.** {_escape(message)}")
            if text.strip() and (line, column) != (1, 1):
                st.code(replace_lone_surrogates(quote_line(text, line, column)), language=None)
            if unfinished and text.strip():
                st.caption("It stops in the middle. Raise the length limit (Max tokens), or ask for less.")
        case Unchecked(reason):
            st.markdown(f":orange[:material/help:] **Not checked.** {_escape(reason)}")


def _draw_remark(remark: str) -> None:
    if remark:
        st.caption(f":material/info: {remark}")


def _escape(text: str) -> str:
    """Escape a text as one line of Markdown."""
    return escape_markdown(" ".join(text.split()))


def _table(rows_table: JsonTable, key: str) -> None:
    rows = [[_cell(cell) for cell in row] for row in rows_table.rows[:MAX_TABLE_ROWS]]
    model_text.draw_table(rows_table.columns, rows, f"{key}-table")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.download_button(
            "CSV",
            key=f"{key}-csv",
            icon=":material/download:",
            type="tertiary",
            file_name="answer.csv",
            mime="text/csv",
            data=lambda: b"".join(write_csv([rows_table.columns, *rows_table.rows])),
            on_click="ignore",
            help="The table as a file for a spreadsheet",
        )
        if len(rows_table.rows) > MAX_TABLE_ROWS:
            st.caption(f"The first {MAX_TABLE_ROWS} of {len(rows_table.rows):,} rows")


def _cell(cell: TableCell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case str():
            return cell if len(cell) <= _MAX_CELL_CHARS else cell[:_MAX_CELL_CHARS] + "…"
    return write_literal(cell)
