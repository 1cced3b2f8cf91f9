"""Records: the rows of a file as they stand there, made into a table of inputs; what was changed for that is said."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from lib.errors import BadInput
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.inputs.prompt_template import make_variable_name
from lib.experiment.inputs.xlsx_reader import MAX_TABLE_CELLS, Record

MAX_INPUT_ROWS = 100_000
MAX_INPUT_COLUMNS = 200

# Columns whose name says that they hold the answers that are hoped for, the surest first.
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


@dataclass(frozen=True)
class ImportedInputs:
    """What was read, and what is to be said of it: what was renamed, filled up or left out, each in a sentence."""

    inputs: Inputs
    remarks: tuple[str, ...] = ()


class BadInputTable(BadInput):
    """A file or a paste that is no table of inputs; the message says where."""

    title = "These inputs cannot be read"


def too_many_rows() -> BadInputTable:
    """The error that says so."""
    return BadInputTable(
        f"There are more than {MAX_INPUT_ROWS:,} rows.", advice="Take fewer, or split the file."
    )


def too_many_columns(number: int) -> BadInputTable:
    """The error that says so."""
    return BadInputTable(
        f"There are {number:,} columns, more than {MAX_INPUT_COLUMNS}.",
        advice="Take out those that are not needed.",
    )


def inputs_from_records(
    records: Iterable[Record], remarks: list[str], unit: str, header: bool = True
) -> ImportedInputs:
    """The inputs in the records; ``unit`` is what their numbers count. Raises BadInput.

    The first record names the columns, unless there is no ``header``: then they are called “column 1” and so on.
    """
    full: list[Record] = []
    sizes = []
    empty = 0
    for line, cells in records:
        if not (width := _width(cells)):
            empty += 1
            continue
        full.append((line, cells))
        sizes.append(width)
        if len(full) > MAX_INPUT_ROWS + header:
            raise too_many_rows()
    if not full:
        raise BadInputTable(
            "There is nothing in it.", advice="The first line names the columns; each other is an input."
        )
    names = full[0][1][: sizes[0]] if header else [""] * max(sizes)
    body = full[1:] if header else full
    if not body:
        raise BadInputTable(
            f"There is a header ({', '.join(names)[:80]}), and no row under it.",
            advice="The first line names the columns; write one more for each input.",
        )
    if (
        header
    ):  # a column without a name is one where it has a cell in a row, as long as the header goes so far
        names = [*names, *[""] * (min(len(full[0][1]), max(sizes)) - len(names))]
    if len(names) > MAX_INPUT_COLUMNS:
        raise too_many_columns(len(names))
    if len(names) * len(body) > MAX_TABLE_CELLS:
        raise BadInputTable(
            f"{len(body):,} rows of {len(names)} columns are {len(names) * len(body):,} cells, more than "
            f"{MAX_TABLE_CELLS:,}.",
            advice="Take out columns that are not needed.",
        )
    said = list(remarks)
    if empty:
        said.append(f"{_rows(empty)} without anything in {'it was' if empty == 1 else 'them were'} left out.")
    columns, renamed = _columns(names)
    if not header:
        renamed = []
    rows, filled = _filled(body, len(columns), unit)
    expected = next(
        (one for name in EXPECTED_COLUMN_NAMES for one in columns if one.casefold() == name), None
    )
    if len(columns) < 2:
        expected = None
    if expected is not None:
        said.append(f"The column “{expected}” is taken for the expected answers.")
    return ImportedInputs(Inputs(columns, rows, expected), (*said, *renamed, *filled))


def _width(cells: list[str]) -> int:
    """How many cells there are up to the last one with anything in it."""
    return next((number for number in range(len(cells), 0, -1) if cells[number - 1].strip()), 0)


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _columns(header: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Names that a variable can have, each once, and what was changed."""
    columns: list[str] = []
    remarks = []
    for number, written in enumerate(header, 1):
        bare = make_variable_name(written) or f"column {number}"
        name, again = bare, 1
        while name in columns:
            again += 1
            name = f"{bare} {again}"
        columns.append(name)
        if name != unicodedata.normalize("NFC", written.strip()):
            said = f"“{written.strip()[:40]}”" if written.strip() else f"without a name at place {number}"
            remarks.append(f"The column {said} is called “{name}” here.")
    return tuple(columns), remarks


def _filled(body: list[Record], width: int, unit: str) -> tuple[tuple[tuple[str, ...], ...], list[str]]:
    """The rows, all of one width, and what was filled up."""
    rows, short = [], []
    for line, cells in body:
        if any(cell.strip() for cell in cells[width:]):
            columns = "1 column" if width == 1 else f"{width} columns"
            raise BadInputTable(
                f"{unit} {line:,} has {len(cells)} cells, but the header has {columns}.",
                advice="A text with the separator in it must be in quotes. Mend the row, or name the column.",
            )
        if len(cells) < width:
            short.append(line)
        rows.append((*cells[:width], *[""] * (width - len(cells))))
    if not short or unit == "Row":  # a spreadsheet's rows end at their last full cell
        return tuple(rows), []
    return tuple(rows), [f"{_rows(len(short))} had fewer cells, first line {short[0]:,}: the rest is empty."]
