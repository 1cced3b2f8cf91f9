"""The section of the inputs: the table that fills the prompts' variables, typed, pasted or from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from lib.errors import PaddockError
from lib.experiment.checks.check_kinds import Check, Contains, Equals
from lib.experiment.inputs import input_reader
from lib.experiment.inputs.input_records import ImportedInputs
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.inputs.prompt_template import make_variable_name
from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.experiment.plan_warnings import ignores_expected_answers
from lib.files.upload_reading import UploadReading
from lib.jsonkit.file_limits import MAX_INPUT_BYTES
from lib.ui.experiment import problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.widgets.bound import bind, draw_selectbox
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.upload_progress import draw_upload, read_upload

_GRID, _FILE, _PASTED = "inputs-grid", "inputs-file", "inputs-pasted"
_EXPECTED, _NAME = "inputs-expected", "inputs-name"
# In the session's state, of the last upload or paste: its error, or remarks on how irregular input was read.
_OUTCOME = "inputs-said"
_NO_COLUMN = ""  # no column holds expected answers


@dataclass
class _InputGrid:
    """The data editor on the page: the inputs that it was created with, and those with its edits."""

    number: int
    base: Inputs
    edited: Inputs


def summary(tab: ExperimentTab) -> str:
    """Summarise the section in one line of Markdown."""
    inputs = tab.plan.inputs
    if not inputs.columns:
        return "none yet"
    rows, columns = len(inputs.rows), len(inputs.columns)
    size = f"{rows:,} row{'s' if rows != 1 else ''} of {columns} column{'s' if columns != 1 else ''}"
    return (
        size if inputs.expected is None else f"{size}, expected answers in {escape_markdown(inputs.expected)}"
    )


def draw(tab: ExperimentTab, problems: Sequence[PlanProblem]) -> None:
    _draw_sources(tab)
    inputs = tab.plan.inputs
    if inputs.columns:
        _draw_table(tab, inputs)
        _draw_expected(tab, inputs)
    else:
        st.caption("No table yet. Upload or paste one, or add the first column.")
    problem_notes.draw_problems(problems, PlanPart.INPUTS)


def _draw_sources(tab: ExperimentTab) -> None:
    if not tab.plan.inputs.rows:
        _draw_uploader(tab)
    with st.container(horizontal=True, vertical_alignment="center"):
        if tab.plan.inputs.rows:
            with st.popover("Upload", icon=":material/upload:", type="tertiary", key="inputs-upload"):
                _draw_uploader(tab)
        with st.popover("Paste", icon=":material/content_paste:", type="tertiary", key="inputs-paste"):
            st.text_area(
                "Cells from a spreadsheet",
                key=_PASTED,
                height=160,
                placeholder="Copy cells from a spreadsheet, column names in the first row, and paste them here",
            )
            st.button("Use this table", key="inputs-paste-now", type="primary", on_click=_paste, args=(tab,))
        with st.popover("Columns", icon=":material/view_column:", type="tertiary", key="inputs-columns"):
            _draw_columns(tab)
    tab.draw_undo("inputs")
    draw_upload(_reading_key(tab), partial(_replace_table, tab))
    outcome: PaddockError | tuple[str, ...] = st.session_state.get(_OUTCOME, ())
    if isinstance(outcome, PaddockError):
        draw_error(outcome, "The table cannot be used")
    else:
        for remark in outcome:
            st.caption(f":material/info: {escape_markdown(remark)}")


def _draw_uploader(tab: ExperimentTab) -> None:
    st.file_uploader(
        "Upload a table: CSV, TSV, JSON Lines or Excel",
        type=list(input_reader.FILE_EXTENSIONS),
        key=_FILE,
        on_change=_upload,
        args=(tab,),
        max_upload_size=MAX_INPUT_BYTES // 1_000_000,
        help="It replaces the table. Undo brings the old one back.",
    )


def _draw_columns(tab: ExperimentTab) -> None:
    inputs = tab.plan.inputs
    for index, name in enumerate(inputs.columns):
        with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
            box = bind(f"inputs-column-{index}", name, partial(_rename_column, tab, index))
            st.text_input(f"Column {index + 1}", **box.arguments())
            st.button(
                "Remove",
                key=f"inputs-column-remove-{index}",
                icon=":material/delete:",
                type="tertiary",
                on_click=_remove_column,
                args=(tab, index),
            )
    st.text_input("A new column", key=_NAME, placeholder="Its name", on_change=_add_column, args=(tab,))


def _draw_table(tab: ExperimentTab, inputs: Inputs) -> None:
    # Imported here: it takes long to load, and only this page needs it.
    import pandas as pd

    grid: _InputGrid | None = st.session_state.get(_GRID)
    if grid is None or not _is_same(grid.edited, inputs) or f"{_GRID}-{grid.number}" not in st.session_state:
        grid = _InputGrid(0 if grid is None else grid.number + 1, inputs, inputs)
        st.session_state[_GRID] = grid
    # Columns are named by number: a user's name could have a meaning for pandas or the editor.
    names = [str(number) for number in range(len(grid.base.columns))]
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
        on_change=_apply_typed,
        args=(tab, key),
    )
    st.caption("Type into the cells, paste cells from a spreadsheet, or add rows at the end.")


def _is_same(first: Inputs, second: Inputs) -> bool:
    return first.rows is second.rows and first.columns == second.columns


def _apply_typed(tab: ExperimentTab, key: str) -> None:
    grid: _InputGrid = st.session_state[_GRID]
    rows = apply_edits(grid.base.rows, len(grid.base.columns), st.session_state[key])
    grid.edited = replace(tab.plan.inputs, columns=grid.base.columns, rows=rows)
    tab.change_plan(inputs=grid.edited)


def apply_edits(
    rows: Sequence[tuple[str, ...]], width: int, edits: Mapping[str, Any]
) -> tuple[tuple[str, ...], ...]:
    """Return the rows with a data editor's edits. New rows without any text are left out."""
    changed: Mapping[int, Mapping[str, Any]] = {
        int(index): cells for index, cells in edits["edited_rows"].items()
    }
    deleted = set(edits["deleted_rows"])
    remaining = (
        _replace_cells(row, changed[index]) if index in changed else row
        for index, row in enumerate(rows)
        if index not in deleted
    )
    added = (_replace_cells(("",) * width, cells) for cells in edits["added_rows"])
    return (*remaining, *(row for row in added if any(cell.strip() for cell in row)))


def _replace_cells(row: tuple[str, ...], cells: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        cell if str(column) not in cells else "" if cells[str(column)] is None else str(cells[str(column)])
        for column, cell in enumerate(row)
    )


def _draw_expected(tab: ExperimentTab, inputs: Inputs) -> None:
    chosen = inputs.expected if inputs.expected in inputs.columns else _NO_COLUMN
    draw_selectbox(
        "Expected answers are in",
        (_NO_COLUMN, *dict.fromkeys(inputs.columns)),
        bind(_EXPECTED, chosen, partial(_set_expected, tab)),
        format_func=lambda name: name or "no column",
        help="Checks can compare each answer with it, as {{expected}}.",
    )
    if ignores_expected_answers(tab.plan):
        _draw_check_offer(tab)


def _draw_check_offer(tab: ExperimentTab) -> None:
    """Draw buttons that add a check with the expected answers. The section of the checks may be closed."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="inputs-check"):
        st.caption(":material/info: No check compares answers with it yet.", width="content")
        for label, key, check in (
            ("Check that they are equal", "inputs-check-equals", Equals()),
            ("Check that it occurs in the answer", "inputs-check-contains", Contains()),
        ):
            st.button(
                label,
                key=key,
                type="tertiary",
                icon=":material/rule:",
                on_click=_add_check,
                args=(tab, check),
            )


def _add_check(tab: ExperimentTab, check: Check) -> None:
    tab.change_plan(checks=(*tab.plan.checks, check))


def _set_expected(tab: ExperimentTab, name: str | None) -> None:
    tab.change_plan(inputs=replace(tab.plan.inputs, expected=name or None))


def _reading_key(tab: ExperimentTab) -> str:
    """Return the key of the table that is being read for this experiment; another may be opened meanwhile."""
    return f"inputs-reading-{tab.draft.id}"


def _replace_table(tab: ExperimentTab, reading: UploadReading) -> None:
    """Replace the table by what was read. If it cannot be read, the error is drawn at the control."""
    try:
        imported: ImportedInputs = next(reading.values())
    except PaddockError as error:
        st.session_state[_OUTCOME] = error
        return
    if tab.plan.inputs.rows:
        tab.remember_for_undo("inputs", "The table was replaced.")
    tab.change_plan(inputs=imported.inputs)
    st.session_state[_OUTCOME] = imported.remarks


def _upload(tab: ExperimentTab) -> None:
    st.session_state.pop(_OUTCOME, None)
    file = st.session_state[_FILE]
    call = () if file is None else (input_reader.read_input_file, file.name, file.getvalue())
    read_upload(_reading_key(tab), partial(_replace_table, tab), *call)


def _paste(tab: ExperimentTab) -> None:
    st.session_state.pop(_OUTCOME, None)
    call = (input_reader.read_pasted_inputs, st.session_state[_PASTED])
    read_upload(_reading_key(tab), partial(_replace_table, tab), *call)
    # A text that takes longer, or is refused, stays in the box.
    if isinstance(st.session_state.get(_OUTCOME), tuple):
        st.session_state[_PASTED] = ""


def _add_column(tab: ExperimentTab) -> None:
    if name := make_variable_name(st.session_state[_NAME]):
        tab.add_columns(name)
    st.session_state[_NAME] = ""


def _rename_column(tab: ExperimentTab, index: int, typed: str) -> None:
    inputs = tab.plan.inputs
    if (name := make_variable_name(typed)) and index < len(inputs.columns):
        expected = name if inputs.expected == inputs.columns[index] else inputs.expected
        columns = (*inputs.columns[:index], name, *inputs.columns[index + 1 :])
        tab.change_plan(inputs=replace(inputs, columns=columns, expected=expected))


def _remove_column(tab: ExperimentTab, index: int) -> None:
    inputs = tab.plan.inputs
    tab.remember_for_undo("inputs", f"The column “{inputs.columns[index]}” was removed.")
    tab.change_plan(
        inputs=Inputs(
            (*inputs.columns[:index], *inputs.columns[index + 1 :]),
            tuple((*row[:index], *row[index + 1 :]) for row in inputs.rows),
            None if inputs.expected == inputs.columns[index] else inputs.expected,
        )
    )
