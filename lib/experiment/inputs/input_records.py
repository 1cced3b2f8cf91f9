"""Records of a file made into a table of inputs, with remarks on what was changed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from lib.errors import BadInput
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.inputs.prompt_template import MAX_VARIABLE_NAME, make_variable_name
from lib.experiment.inputs.xlsx_reader import Record
from lib.jsonkit.file_limits import MAX_INPUT_COLUMNS, MAX_INPUT_ROWS, MAX_TABLE_CELLS

# Names that mark the column of expected answers, the surest first.
EXPECTED_COLUMN_NAMES = (
    "expected",
    "expected answer",
    "expected output",
    "answer",
    "label",
    "target",
    "gold",
    "ideal",
)


class RecordKind(Enum):
    """The kind of a file's records. The value is the word for a record in messages."""

    TEXT_LINE = "Line"
    SHEET_ROW = "Row"


@dataclass(frozen=True)
class ImportedInputs:
    """The inputs that were read, and a sentence for each change: columns renamed, rows padded or left out."""

    inputs: Inputs
    remarks: tuple[str, ...] = ()


class BadInputTable(BadInput):
    """A file or a paste that is not a table of inputs; the message says where."""

    title = "These inputs cannot be read"


def too_many_rows() -> BadInputTable:
    return BadInputTable(
        f"There are more than {MAX_INPUT_ROWS:,} rows.", advice="Use fewer, or split the file."
    )


def too_many_columns(number: int) -> BadInputTable:
    return BadInputTable(
        f"There are {number:,} columns, more than {MAX_INPUT_COLUMNS}.",
        advice="Remove those that you do not need.",
    )


def inputs_from_records(
    records: Iterable[Record],
    remarks: Sequence[str],
    header: bool = True,
    kind: RecordKind = RecordKind.TEXT_LINE,
) -> ImportedInputs:
    """Make inputs of the records. ``kind`` says what the records are numbered by. Raise BadInput.

    The first record names the columns; without ``header`` they are called “column 1” and so on.
    """
    filled, blank_count, width = _drop_blank(records, MAX_INPUT_ROWS + header)
    if not filled:
        raise BadInputTable(
            "It is empty.", advice="The first line names the columns; each other line is an input."
        )
    names, body = [""] * width, filled
    if header:
        # Columns without a name count as far as a row has a cell there and the header goes.
        names, body = filled[0][1][:width], filled[1:]
    _check_size(names, body)
    columns, renamed = _name_columns(names)
    rows, padded = _pad_rows(body, len(columns), kind)
    expected = _expected_column(columns)
    all_remarks = list(remarks)
    if blank_count:
        left_out = "it was" if blank_count == 1 else "them were"
        all_remarks.append(f"{_count_rows(blank_count)} without anything in {left_out} left out.")
    if expected:
        all_remarks.append(f"The column “{expected}” is taken for the expected answers.")
    if header:
        all_remarks += renamed
    return ImportedInputs(Inputs(columns, rows, expected), (*all_remarks, *padded))


def _drop_blank(records: Iterable[Record], max_rows: int) -> tuple[list[Record], int, int]:
    """Return the records that are not blank, the number of blank ones, and the most cells in one of them."""
    filled: list[Record] = []
    blank_count = most_cells = 0
    for line, cells in records:
        if not (width := _width(cells)):
            blank_count += 1
            continue
        filled.append((line, cells))
        most_cells = max(most_cells, width)
        if len(filled) > max_rows:
            raise too_many_rows()
    return filled, blank_count, most_cells


def _width(cells: list[str]) -> int:
    """Return the number of cells up to the last one that is not blank."""
    return next((number for number in range(len(cells), 0, -1) if cells[number - 1].strip()), 0)


def _check_size(names: list[str], body: list[Record]) -> None:
    if not body:
        raise BadInputTable(
            f"There is a header ({', '.join(names)[:80]}), and no row under it.",
            advice="The first line names the columns; add a line for each input.",
        )
    if len(names) > MAX_INPUT_COLUMNS:
        raise too_many_columns(len(names))
    if (cells := len(names) * len(body)) > MAX_TABLE_CELLS:
        raise BadInputTable(
            f"{len(body):,} rows of {len(names)} columns are {cells:,} cells, more than {MAX_TABLE_CELLS:,}.",
            advice="Remove columns that you do not need.",
        )


def _expected_column(columns: tuple[str, ...]) -> str | None:
    """Return the column whose name says that it holds expected answers; None if it is the only column."""
    if len(columns) < 2:
        return None
    by_name = {column.casefold(): column for column in reversed(columns)}
    return next((by_name[name] for name in EXPECTED_COLUMN_NAMES if name in by_name), None)


def _count_rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _name_columns(header: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Give each column a name of its own that a variable can have; return a remark for each change."""
    columns: list[str] = []
    remarks = []
    for number, written in enumerate(header, 1):
        base = make_variable_name(written) or f"column {number}"
        name, suffix = base, 1
        while name in columns:
            suffix += 1
            name = f"{base[: MAX_VARIABLE_NAME - len(f' {suffix}')].rstrip()} {suffix}"
        columns.append(name)
        if name != unicodedata.normalize("NFC", written.strip()):
            column = f"“{written.strip()[:40]}”" if written.strip() else f"without a name at place {number}"
            remarks.append(f"The column {column} is called “{name}” here.")
    return tuple(columns), remarks


def _pad_rows(
    body: list[Record], width: int, kind: RecordKind
) -> tuple[tuple[tuple[str, ...], ...], list[str]]:
    """Bring all rows to the same width; return a remark if any was shorter."""
    rows, short_lines = [], []
    for line, cells in body:
        if any(cell.strip() for cell in cells[width:]):
            columns = "1 column" if width == 1 else f"{width} columns"
            raise BadInputTable(
                f"{kind.value} {line:,} has {len(cells)} cells, but the header has {columns}.",
                advice="A text with the separator in it must be in quotes. Correct the row, or name the column.",
            )
        if len(cells) < width:
            short_lines.append(line)
        rows.append((*cells[:width], *[""] * (width - len(cells))))
    # Rows of a spreadsheet always end at their last cell with a value.
    if not short_lines or kind is RecordKind.SHEET_ROW:
        return tuple(rows), []
    count = _count_rows(len(short_lines))
    return tuple(rows), [f"{count} had fewer cells, first line {short_lines[0]:,}: the rest is empty."]
