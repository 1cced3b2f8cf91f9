"""Reading: a table of inputs out of a file or a paste: CSV, TSV, JSON lines, XLSX."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lib import json_text
from lib.errors import BadInput
from lib.experiment import spreadsheet
from lib.experiment.decoding import decode
from lib.experiment.plan import Inputs
from lib.experiment.spreadsheet import Record
from lib.experiment.template import usable
from lib.json_text import BadText, Bounds

MOST_BYTES = 10_000_000
MOST_ROWS = 100_000
MOST_COLUMNS = 200
KINDS = ("csv", "tsv", "txt", "jsonl", "ndjson", "json", "xlsx")  # the endings of what can be read

# Columns whose name says that they hold the answers that are hoped for, the surest first.
EXPECTED = ("expected", "expected answer", "expected output", "answer", "label", "target", "gold", "ideal")

_DELIMITERS = ",;\t|"
_NO_DELIMITER = "\x1f"  # of a table of one column: the sign that was made for this, and is in no text
_LOOKED_AT = 50  # records that the delimiter is told by
_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")

csv.field_size_limit(MOST_BYTES)


@dataclass(frozen=True)
class Reading:
    """What was read, and what is to be said of it: what was renamed, filled up or left out, each in a sentence."""

    inputs: Inputs
    remarks: tuple[str, ...] = ()


class BadTable(BadInput):
    """A file or a paste that is no table of inputs; the message says where."""

    title = "These inputs cannot be read"


def read(name: str, data: bytes) -> Reading:
    """The table in a file of that name; what is in it counts more than the name. The first row names the columns.

    Raises BadInput, naming the line: for more than MOST_BYTES, MOST_ROWS or MOST_COLUMNS, an empty file or one of a
    header alone, a row with more cells than there are columns, an open quote, broken JSON, what is no text.
    """
    if len(data) > MOST_BYTES:
        raise BadTable(
            f"The file has {len(data):,} bytes, more than {MOST_BYTES:,}.",
            advice="Split it, or take out columns.",
        )
    if data.startswith(_OLE):
        raise BadTable(
            "The file is an old Excel file (.xls), or is locked with a password.",
            advice="Save it as .xlsx without a password, or as CSV.",
        )
    ending = name.rpartition(".")[2].lower()
    if data.startswith(_ZIP):
        records, remarks = spreadsheet.read(data)
        return _table(records, remarks, "Row")
    text, remark = decode(data)
    remarks = [remark] if remark else []
    if ending in ("jsonl", "ndjson", "json") or _looks_like_json(text):
        return _table(_json_records(text), remarks, "Line")
    return _delimited(text, remarks, "\t" if ending in ("tsv", "tab") else None)


def paste(text: str) -> Reading:
    """The table in what was pasted, from a spreadsheet or out of a file. Raises BadInput as ``read`` does."""
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise BadTable(
            f"That is more than {MOST_BYTES:,} bytes.", advice="Paste less, or upload a file in parts."
        )
    text = text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").removeprefix("\ufeff")
    if _looks_like_json(text):
        return _table(_json_records(text), [], "Line")
    return _delimited(text, [], None)


def _looks_like_json(text: str) -> bool:
    start = text.lstrip()
    return start.startswith('{"') or (start.startswith("[") and start[1:].lstrip().startswith("{"))


def _delimited(text: str, remarks: list[str], delimiter: str | None) -> Reading:
    first, _, rest = text.partition("\n")
    skipped = 0
    if (said := first.strip().lower()).startswith("sep=") and len(said) == 5:  # Excel's own first line
        text, delimiter, skipped = rest, said[4], 1
    delimiter = delimiter or _delimiter(text)
    try:
        return _table(list(_records(text, delimiter, skipped)), remarks, "Line")
    except _Quotes as error:
        if delimiter != "\t":
            raise BadTable(str(error), advice=_QUOTES) from None
        # Spreadsheets copy cells with quotes in them as they are, and files of tabs know no quotes.
        remarks = [*remarks, "Quotes were taken as they stand, for they do not pair up."]
        return _table(list(_records(text, delimiter, skipped, csv.QUOTE_NONE)), remarks, "Line")


_QUOTES = 'A text with quotes in it must be in quotes itself, and each of its own doubled: "He said ""no""".'


class _Quotes(Exception):
    """Quotes that do not pair up, as a sentence that names the line."""


def _delimiter(text: str) -> str:
    """The sign between the cells: the one that gives the records the header's width, more than one, most often."""
    best, found = (0.0, 0), _NO_DELIMITER
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text[:1_000_000], newline=""), delimiter=delimiter)
        widths = [len(record) for record in islice(reader, _LOOKED_AT) if any(map(str.strip, record))]
        if not widths or widths[0] < 2:
            continue
        score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
        if score > best:
            best, found = score, delimiter
    return found


def _records(text: str, delimiter: str, skipped: int, quoting: int = csv.QUOTE_MINIMAL) -> Iterator[Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
    while True:
        line = reader.line_num + 1 + skipped
        try:
            record = next(reader, None)
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise _Quotes(f"A quote is opened in line {line:,} and never closed.") from None
            raise _Quotes(
                f"In line {reader.line_num + skipped:,} something follows a closing quote."
            ) from None
        if record is None:
            return
        if record:
            yield line, [cell.replace("\r\n", "\n") for cell in record]


def _json_records(text: str) -> Iterator[Record]:
    """A record of the keys, then one for each object, in the order in which the keys are first seen."""
    objects = list(_objects(text))
    columns = list(dict.fromkeys(key for _, one in objects for key in one))
    if not objects:
        return
    if not columns:
        raise BadTable("The objects have no keys.", advice='Each line is an object, such as {"text": "…"}.')
    yield 1, columns
    for line, one in objects:
        yield line, [_cell(one.get(key)) for key in columns]


def _objects(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    if text.lstrip().startswith("["):
        for number, value in enumerate(_parse(text, "The file"), 1):
            yield number, _object(value, f"Entry {number:,} of the list")
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, _object(_parse(line, f"Line {number:,}"), f"Line {number:,}")


def _parse(text: str, what: str) -> Any:
    try:
        return json_text.parse(text, what, Bounds(MOST_BYTES, depth=100))
    except BadText as error:
        said = error.message
        if what != "The file":  # each line is a text of its own, whose lines nobody counts
            said = said.replace(" in line 1, column ", " at its character ").replace(", in line 1.", ".")
            said = said if said.startswith(what) else f"{what}: {said}"
        advice = error.advice or 'Write one object in each line, such as {"text": "…", "expected": "…"}.'
        raise BadTable(said, advice=advice) from None


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadTable(f"{what} is no object.", advice='Write {"text": "…"} in each line.')
    return value


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case str(text):
            return text
        case _:
            return json.dumps(value, ensure_ascii=False)


def _table(records: Iterable[Record], remarks: list[str], unit: str) -> Reading:
    """The inputs in records, the first of which names the columns; ``unit`` is what their numbers count."""
    full = [(line, cells) for line, cells in records]
    records = [(line, cells) for line, cells in full if any(cell.strip() for cell in cells)]
    if not records:
        raise BadTable(
            "There is nothing in it.", advice="The first line names the columns; each other is an input."
        )
    (_, header), *body = records
    if not body:
        raise BadTable(
            f"There is a header ({', '.join(header)[:80]}), and no row under it.",
            advice="The first line names the columns; write one more for each input.",
        )
    if len(body) > MOST_ROWS:
        raise BadTable(f"There are {len(body):,} rows, more than {MOST_ROWS:,}.", advice="Take fewer rows.")
    if empty := len(full) - len(records):
        remarks = [
            *remarks,
            f"{_rows(empty)} without anything in {'it was' if empty == 1 else 'them were'} left out.",
        ]
    # A column without a name and without a cell is what a spreadsheet leaves at its right edge.
    while header and not header[-1].strip() and not any(_at(cells, len(header) - 1) for _, cells in body):
        header = header[:-1]
    if len(header) > MOST_COLUMNS:
        raise BadTable(
            f"There are {len(header):,} columns, more than {MOST_COLUMNS}.", advice="Take out some."
        )
    columns, renamed = _columns(header)
    rows, filled = _rows_of(body, len(columns), unit)
    expected = next((one for name in EXPECTED for one in columns if one.casefold() == name), None)
    if expected is not None and len(columns) > 1:
        remarks = [*remarks, f"The column “{expected}” is taken for the expected answers."]
    inputs = Inputs(columns, rows, expected if len(columns) > 1 else None)
    return Reading(inputs, (*remarks, *renamed, *filled))


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _at(cells: list[str], number: int) -> str:
    return cells[number].strip() if number < len(cells) else ""


def _columns(header: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Names that a variable can have, each once, and what was changed."""
    columns: list[str] = []
    remarks = []
    for number, written in enumerate(header, 1):
        bare = usable(written) or f"column {number}"
        name, again = bare, 1
        while name in columns:
            again += 1
            name = f"{bare} {again}"
        columns.append(name)
        if name != unicodedata.normalize("NFC", written.strip()):
            said = f"“{written.strip()[:40]}”" if written.strip() else f"without a name at place {number}"
            remarks.append(f"The column {said} is called “{name}” here.")
    return tuple(columns), remarks


def _rows_of(body: list[Record], width: int, unit: str) -> tuple[tuple[tuple[str, ...], ...], list[str]]:
    """The rows, all of one width, and what was filled up."""
    rows, short = [], []
    for line, cells in body:
        if any(cell.strip() for cell in cells[width:]):
            columns = "1 column" if width == 1 else f"{width} columns"
            raise BadTable(
                f"{unit} {line:,} has {len(cells)} cells, but the header has {columns}.",
                advice="A text with the separator in it must be in quotes. Mend the row, or name the column.",
            )
        if len(cells) < width:
            short.append(line)
        rows.append((*cells[:width], *[""] * (width - len(cells))))
    if not short or unit == "Row":  # a spreadsheet's rows end at their last full cell
        return tuple(rows), []
    return tuple(rows), [f"{_rows(len(short))} had fewer cells, first line {short[0]:,}: the rest is empty."]
