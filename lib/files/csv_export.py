"""CSV export: the only writer of CSV files. No text in them can run as a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice

from lib.jsonkit.json_text import WrittenNumber

CellValue = str | int | float | Decimal | None
SheetRow = list[CellValue]

_ROWS_PER_CHUNK = 500

# What makes a spreadsheet read a text as a formula. Some spreadsheets turn full-width characters into narrow ones.
_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]|\s+[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?", re.ASCII)
# Characters that XML or UTF-8 cannot hold, and NUL, at which some readers stop.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_csv(rows: Iterable[Sequence[CellValue]]) -> Iterator[bytes]:
    """Yield a CSV file in chunks: UTF-8 with a byte order mark, by which Excel knows the encoding.

    A text that could be a formula gets an apostrophe in front.
    """
    remaining = iter(rows)
    encoding = "utf-8-sig"
    while chunk := list(islice(remaining, _ROWS_PER_CHUNK)):
        out = io.StringIO(newline="")
        # Every text is quoted: in some countries the list separator is not a comma and could split a text.
        writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerows([_csv_cell(value) for value in row] for row in chunk)
        yield out.getvalue().encode(encoding)
        encoding = "utf-8"


def looks_like_formula(text: str) -> bool:
    """Return True if a spreadsheet could run the text as a formula."""
    return _FORMULA.match(text) is not None


def replace_unstorable(text: str) -> str:
    """Replace characters that no file can hold with U+FFFD, and CR LF with LF."""
    return _UNSTORABLE.sub("\ufffd", text).replace("\r\n", "\n")


def _csv_cell(value: CellValue) -> CellValue:
    if isinstance(value, WrittenNumber):
        return Decimal(value.written)
    if not isinstance(value, str):
        return value
    text = replace_unstorable(value)
    return f"'{text}" if looks_like_formula(text) and not _NUMBER.fullmatch(text) else text
