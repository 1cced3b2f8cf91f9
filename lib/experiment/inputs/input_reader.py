"""Reads a table of inputs from a CSV, TSV, JSON Lines or XLSX file, or from a paste."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice

from lib.experiment.inputs import json_lines, xlsx_reader
from lib.experiment.inputs.input_records import BadInputTable, ImportedInputs, RecordKind, inputs_from_records
from lib.experiment.inputs.text_encoding import decode_text
from lib.experiment.inputs.xlsx_reader import Record
from lib.jsonkit.file_limits import MAX_INPUT_BYTES
from lib.jsonkit.surrogates import replace_lone_surrogates, utf8_size

FILE_EXTENSIONS = ("csv", "tsv", "txt", "jsonl", "ndjson", "json", "xlsx")

_DELIMITERS = ",;\t|"
# For a table of one column: the unit separator, which occurs in no text.
_NO_DELIMITER = "\x1f"
_SAMPLED_RECORDS = 50  # records that the delimiter is guessed from
_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1")

csv.field_size_limit(MAX_INPUT_BYTES)


def read_input_file(name: str, data: bytes, header: bool = True) -> ImportedInputs:
    """Read the table in a file. The name decides on the format only if the content leaves it open.

    The first row names the columns, unless ``header`` is False.

    Raise BadInput, naming the line, for: too many bytes, rows, columns or cells; an empty file, or a header
    alone; a row with more cells than columns; an unclosed quote; broken JSON; bytes that are not text.
    """
    if len(data) > MAX_INPUT_BYTES:
        raise BadInputTable(
            f"The file has {len(data):,} bytes, more than {MAX_INPUT_BYTES:,}.",
            advice="Split it, or remove columns.",
        )
    if data.startswith(_OLE):
        raise BadInputTable(
            "The file is an old Excel file (.xls), or is locked with a password.",
            advice="Save it as .xlsx without a password, or as CSV.",
        )
    ending = name.rpartition(".")[2].lower()
    if data.startswith(_ZIP):
        records, remarks = xlsx_reader.read_first_sheet(data)
        return inputs_from_records(records, remarks, header, RecordKind.SHEET_ROW)
    text, remark = decode_text(data)
    remarks = [remark] if remark else []
    if ending in ("jsonl", "ndjson", "json") or json_lines.looks_like_json(text):
        return inputs_from_records(json_lines.read_records(text), remarks)
    return _read_delimited(text, remarks, "\t" if ending in ("tsv", "tab") else None, header)


def read_pasted_inputs(text: str, header: bool = True) -> ImportedInputs:
    """Read the table in a pasted text. Raise BadInput as ``read_input_file`` does."""
    if utf8_size(text) > MAX_INPUT_BYTES:
        raise BadInputTable(
            f"That is more than {MAX_INPUT_BYTES:,} bytes.", advice="Paste less, or upload a file in parts."
        )
    text = replace_lone_surrogates(text.replace("\0", "")).removeprefix("\ufeff")
    if json_lines.looks_like_json(text):
        return inputs_from_records(json_lines.read_records(text), [])
    return _read_delimited(text, [], None, header)


def _read_delimited(text: str, remarks: list[str], delimiter: str | None, header: bool) -> ImportedInputs:
    first, _, rest = text.partition("\n")
    skipped = 0
    # Excel writes the delimiter into a first line of its own.
    if separator := re.fullmatch(r"sep=([^\r])\r*", first, re.IGNORECASE):
        text, delimiter, skipped = rest, separator[1], 1
    delimiter = delimiter or _guess_delimiter(text)
    if _has_spaces_before_quotes(text, delimiter):
        records = _read_records(text, delimiter, skipped, skip_spaces=True)
        try:
            return inputs_from_records(records, remarks, header)
        except (_UnpairedQuotes, BadInputTable):
            pass  # the quotes may belong to the texts
    try:
        return inputs_from_records(_read_records(text, delimiter, skipped), remarks, header)
    except _UnpairedQuotes as error:
        if delimiter != "\t":
            raise BadInputTable(str(error), advice=_QUOTES_ADVICE) from None
        # Spreadsheet programs copy quotes in cells as they are, and tab-separated files have no quoting.
        remarks = [
            *remarks,
            "The quotation marks do not come in pairs, so they were read as ordinary characters.",
        ]
        records = _read_records(text, delimiter, skipped, csv.QUOTE_NONE)
        return inputs_from_records(records, remarks, header)


_QUOTES_ADVICE = (
    'A text with quotes in it must be in quotes itself, and each of its own doubled: "He said ""no""".'
)


class _UnpairedQuotes(Exception):
    """Quotes that do not pair up; the message names the line."""


def _guess_delimiter(text: str) -> str:
    """Guess the delimiter: the one with which most records have the header's width of two or more."""
    best_score, best_delimiter = (0.0, 0), _NO_DELIMITER
    for delimiter in _DELIMITERS:
        sample = _sample_records(text, delimiter)
        widths = [len(record) for record in sample if any(map(str.strip, record))]
        if not widths or widths[0] < 2:
            continue
        score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
        if score > best_score:
            best_score, best_delimiter = score, delimiter
    return best_delimiter


def _sample_records(text: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text[:1_000_000], newline=""), delimiter=delimiter)
    return islice(reader, _SAMPLED_RECORDS)


def _has_spaces_before_quotes(text: str, delimiter: str) -> bool:
    """Return True if cells are written as people type them: "a", "b"."""
    cells = (cell for record in _sample_records(text, delimiter) for cell in record)
    return any(cell.startswith(" ") and cell.lstrip(" ").startswith('"') for cell in cells)


def _read_records(
    text: str,
    delimiter: str,
    skipped: int,
    quoting: int = csv.QUOTE_MINIMAL,
    *,
    skip_spaces: bool = False,
) -> Iterator[Record]:
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=quoting,  # type: ignore[arg-type]
        skipinitialspace=skip_spaces,
        strict=True,
    )
    while True:
        line = reader.line_num + 1 + skipped
        try:
            record = next(reader, None)
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise _UnpairedQuotes(f"A quote is opened in line {line:,} and never closed.") from None
            last = reader.line_num + skipped
            raise _UnpairedQuotes(f"In line {last:,} something follows a closing quote.") from None
        if record is None:
            return
        if record:
            yield line, [cell.replace("\r\n", "\n") for cell in record]
