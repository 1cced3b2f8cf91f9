"""Inputs: the table that prompts are filled from: typed, pasted, from a file, or a sample to try."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from lib.errors import PaddockError
from lib.experiment.inputs.input_reader import (
    FILE_EXTENSIONS,
    MAX_INPUT_BYTES,
    ImportedInputs,
    read_input_file,
    read_pasted_inputs,
)
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.inputs.prompt_template import make_variable_name
from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.ui.experiment import problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

_GRID, _FILE, _PASTED, _EXPECTED, _NAME = (
    "inputs-grid",
    "inputs-file",
    "inputs-pasted",
    "inputs-expected",
    "inputs-name",
)
_SAID = "inputs-said"  # in the session's state: what came of the last file or paste
_NONE = ""  # no column holds expected answers


@dataclass
class _InputGrid:
    """The grid on the page: what it was made from, and what it comes to with what was typed into it since."""

    number: int
    base: Inputs
    now: Inputs


@dataclass(frozen=True)
class _ReadOutcome:
    """``problem``: nothing was taken. ``remarks``: what was done with what was odd in it."""

    problem: PaddockError | None
    remarks: tuple[str, ...] = ()


def summary(desk: ExperimentTab) -> str:
    """The section in one line."""
    inputs = desk.plan.inputs
    if not inputs.columns:
        return "none yet"
    rows, columns = len(inputs.rows), len(inputs.columns)
    said = f"{rows:,} row{'s' if rows != 1 else ''} of {columns} column{'s' if columns != 1 else ''}"
    return (
        said if inputs.expected is None else f"{said}, expected answers in {escape_markdown(inputs.expected)}"
    )


def draw_inputs_section(desk: ExperimentTab, found: Sequence[PlanProblem]) -> None:
    """The section."""
    _sources(desk)
    inputs = desk.plan.inputs
    if inputs.columns:
        _table(desk, inputs)
        _expected(desk, inputs)
    else:
        st.caption("No table yet: upload one, paste one, or add the first column.")
    problem_notes.draw_problems(found, PlanPart.INPUTS)


def _sources(desk: ExperimentTab) -> None:
    if not desk.plan.inputs.rows:
        _uploader(desk)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if desk.plan.inputs.rows:
            with st.popover("Upload", icon=":material/upload:", type="tertiary", key="inputs-upload"):
                _uploader(desk)
        with st.popover("Paste", icon=":material/content_paste:", type="tertiary", key="inputs-paste"):
            st.text_area(
                "Cells from a spreadsheet",
                key=_PASTED,
                height=160,
                placeholder="Copy cells in your spreadsheet, names of the columns first, and paste them here",
            )
            st.button(
                "Use as the table", key="inputs-paste-now", type="primary", on_click=_paste, args=(desk,)
            )
        with st.popover("Columns", icon=":material/view_column:", type="tertiary", key="inputs-columns"):
            _columns(desk)
    desk.draw_undo("inputs")
    said: _ReadOutcome | None = st.session_state.get(_SAID)
    if said is not None and said.problem is not None:
        draw_error(said.problem, "The table was not taken")
    elif said is not None:
        for remark in said.remarks:
            st.caption(f":material/info: {escape_markdown(remark)}")


def _uploader(desk: ExperimentTab) -> None:
    st.file_uploader(
        "Upload a table: CSV, TSV, JSON Lines or Excel",
        type=list(FILE_EXTENSIONS),
        key=_FILE,
        on_change=_uploaded,
        args=(desk,),
        max_upload_size=MAX_INPUT_BYTES // 1_000_000,
        help="It takes the place of the table, which Undo brings back.",
    )


def _columns(desk: ExperimentTab) -> None:
    inputs = desk.plan.inputs
    for at, name in enumerate(inputs.columns):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", wrap=False):
            box = bind(f"inputs-column-{at}", name, partial(_rename, desk, at))
            st.text_input(f"Column {at + 1}", box.value, key=box.key, on_change=box.on_change)
            st.button(
                "Remove",
                key=f"inputs-column-remove-{at}",
                icon=":material/delete:",
                type="tertiary",
                on_click=_drop,
                args=(desk, at),
            )
    st.text_input("A new column", key=_NAME, placeholder="Its name", on_change=_add, args=(desk,))


def _table(desk: ExperimentTab, inputs: Inputs) -> None:
    import pandas as pd  # it takes long to load, and only this page needs it

    grid: _InputGrid | None = st.session_state.get(_GRID)
    if grid is None or not _same(grid.now, inputs) or f"{_GRID}-{grid.number}" not in st.session_state:
        grid = _InputGrid(0 if grid is None else grid.number + 1, inputs, inputs)
        st.session_state[_GRID] = grid
    # By number: a column may have any name, also one that pandas or the grid would take for something else.
    names = [str(at) for at in range(len(grid.base.columns))]
    key = f"{_GRID}-{grid.number}"
    st.data_editor(
        pd.DataFrame(list(grid.base.rows), columns=names, dtype=object),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        column_config={
            name: st.column_config.TextColumn(column, default="")
            for name, column in zip(names, grid.base.columns, strict=True)
        },
        on_change=_typed,
        args=(desk, key),
    )
    st.caption(
        "Type into the cells, paste cells from a spreadsheet right into the table, or add rows at its end."
    )


def _same(one: Inputs, other: Inputs) -> bool:
    return one.rows is other.rows and one.columns == other.columns


def _typed(desk: ExperimentTab, key: str) -> None:
    grid: _InputGrid = st.session_state[_GRID]
    rows = apply_edits(grid.base.rows, len(grid.base.columns), st.session_state[key])
    grid.now = replace(desk.plan.inputs, columns=grid.base.columns, rows=rows)
    desk.change_plan(inputs=grid.now)


def apply_edits(
    rows: Sequence[tuple[str, ...]], width: int, edits: Mapping[str, Any]
) -> tuple[tuple[str, ...], ...]:
    """The rows with what a data editor says was done to them. New rows without any text are left out."""
    changed: Mapping[int, Mapping[str, Any]] = {int(at): cells for at, cells in edits["edited_rows"].items()}
    deleted = set(edits["deleted_rows"])
    kept = (
        _row(row, changed[at]) if at in changed else row for at, row in enumerate(rows) if at not in deleted
    )
    added = (_row(("",) * width, cells) for cells in edits["added_rows"])
    return (*kept, *(row for row in added if any(cell.strip() for cell in row)))


def _row(row: tuple[str, ...], cells: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        cell if str(at) not in cells else "" if cells[str(at)] is None else str(cells[str(at)])
        for at, cell in enumerate(row)
    )


def _expected(desk: ExperimentTab, inputs: Inputs) -> None:
    chosen, columns = inputs.expected or _NONE, (_NONE, *dict.fromkeys(inputs.columns))
    box = bind(_EXPECTED, chosen, lambda name: _expect(desk, name))
    st.selectbox(
        "Expected answers are in",
        columns,
        columns.index(chosen) if chosen in columns else 0,
        key=box.key,
        on_change=box.on_change,
        format_func=lambda name: name or "no column: nothing to compare with",
        help="Checks compare with it as {{expected}}.",
    )


def _expect(desk: ExperimentTab, name: str | None) -> None:
    desk.change_plan(inputs=replace(desk.plan.inputs, expected=name or None))


def _take(desk: ExperimentTab, reading: Callable[[], ImportedInputs]) -> bool:
    """Put what was read into the table's place. False where it could not be read, which is said at the control."""
    try:
        table = reading()
    except PaddockError as error:
        st.session_state[_SAID] = _ReadOutcome(error)
        return False
    if desk.plan.inputs.rows:
        desk.remember_for_undo("inputs", "Another table took the place of the one before.")
    desk.change_plan(inputs=table.inputs)
    st.session_state[_SAID] = _ReadOutcome(None, table.remarks)
    return True


def _uploaded(desk: ExperimentTab) -> None:
    if (file := st.session_state[_FILE]) is None:
        st.session_state.pop(_SAID, None)
    else:
        _take(desk, lambda: read_input_file(file.name, file.getvalue()))


def _paste(desk: ExperimentTab) -> None:
    if _take(desk, lambda: read_pasted_inputs(st.session_state[_PASTED])):
        st.session_state[_PASTED] = ""


def _add(desk: ExperimentTab) -> None:
    if name := make_variable_name(st.session_state[_NAME]):
        desk.add_columns(name)
    st.session_state[_NAME] = ""


def _rename(desk: ExperimentTab, at: int, typed: str) -> None:
    inputs = desk.plan.inputs
    if (name := make_variable_name(typed)) and at < len(inputs.columns):
        expected = name if inputs.expected == inputs.columns[at] else inputs.expected
        columns = (*inputs.columns[:at], name, *inputs.columns[at + 1 :])
        desk.change_plan(inputs=replace(inputs, columns=columns, expected=expected))


def _drop(desk: ExperimentTab, at: int) -> None:
    inputs = desk.plan.inputs
    desk.remember_for_undo("inputs", f"The column “{inputs.columns[at]}” was removed.")
    desk.change_plan(
        inputs=Inputs(
            (*inputs.columns[:at], *inputs.columns[at + 1 :]),
            tuple((*row[:at], *row[at + 1 :]) for row in inputs.rows),
            None if inputs.expected == inputs.columns[at] else inputs.expected,
        )
    )
