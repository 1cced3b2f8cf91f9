"""Table file: rows as CSV for Excel or as XLSX, the first with the columns' names. No text becomes a formula."""

from __future__ import annotations

import csv as csv_format
import io
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

Value = str | int | float | Decimal | None

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

LONGEST = 32_767  # what Excel takes in one cell, in units of UTF-16
_CUT = " … (cut: Excel takes no more)"
_AT_ONCE = 500  # rows in one piece of a CSV file

# What a spreadsheet takes for the beginning of a formula; the wide forms too, for some make narrow ones of them.
_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]|\s+[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?", re.ASCII)
# What no XML and no UTF-8 can hold, and NUL, at which some readers end.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")  # XLSX's own way to write a sign by its number


Row = list[Value]


def csv(rows: Iterable[Row]) -> Iterator[bytes]:
    """UTF-8 with the mark that Excel knows it by. A text that could be a formula has an apostrophe before it."""
    left = iter(rows)
    first = True
    while some := list(islice(left, _AT_ONCE)):
        out = io.StringIO(newline="")
        # Every text in quotes: where a country's list separator is another, it must not part one cell into two.
        writer = csv_format.writer(out, quoting=csv_format.QUOTE_NONNUMERIC)
        writer.writerows([[_for_csv(value) for value in row] for row in some])
        yield out.getvalue().encode("utf-8-sig" if first else "utf-8")
        first = False


def _for_csv(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    text = _fit(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _fit(text: str) -> str:
    """The text with what no file can hold replaced, and one way to break a line."""
    return _UNFIT.sub("\ufffd", text).replace("\r\n", "\n")


def xlsx(rows: Iterable[Row], name: str) -> bytes:
    """A workbook with one sheet of that name. Texts are texts whatever they begin with, numbers are numbers."""
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet(name)
    left = iter(rows)
    heads = next(left)
    sheet.freeze_panes = "A2"
    for number, head in enumerate(heads, 1):
        long = str(head) == "Answer" or str(head).startswith("Input")
        sheet.column_dimensions[get_column_letter(number)].width = (
            48 if long else max(12, min(len(str(head)), 40))
        )
    bold = Font(bold=True)
    count = 1
    sheet.append([_for_xlsx(sheet, head, bold) for head in heads])
    for row in left:
        sheet.append([_for_xlsx(sheet, value) for value in row])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{count}"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _for_xlsx(sheet: Any, value: Value, font: Font | None = None) -> Any:
    if not isinstance(value, str):
        return value
    text = _shortened(_LOOKS_ESCAPED.sub("_x005F_", _fit(value).replace("\r", "\n")))
    if font is None and not _FORMULA.match(text) and not text.startswith("#"):
        return text
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"  # or the library makes a formula of what begins with =, an error of #N/A
    if font is None:
        cell.quotePrefix = True  # and Excel would, once somebody has edited the cell
    else:
        cell.font = font
    return cell


def _shortened(text: str) -> str:
    if len(text) <= LONGEST // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST:
        return text
    return units[: 2 * (LONGEST - len(_CUT))].decode("utf-16-le", "ignore") + _CUT
