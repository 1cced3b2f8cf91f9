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

CellValue = str | int | float | Decimal | None

XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

MAX_CELL_UNITS = 32_767  # what Excel takes in one cell, in units of UTF-16
_CUT_NOTE = " … (cut: Excel takes no more)"
_ROWS_PER_CHUNK = 500  # rows in one piece of a CSV file

# What a spreadsheet takes for the beginning of a formula; the wide forms too, for some make narrow ones of them.
_FORMULA = re.compile(r"[=+\-@\t\r＝＋－＠]|\s+[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?", re.ASCII)
# What no XML and no UTF-8 can hold, and NUL, at which some readers end.
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")  # XLSX's own way to write a sign by its number


SheetRow = list[CellValue]


def write_csv(rows: Iterable[SheetRow]) -> Iterator[bytes]:
    """UTF-8 with the mark that Excel knows it by. A text that could be a formula has an apostrophe before it."""
    left = iter(rows)
    first = True
    while some := list(islice(left, _ROWS_PER_CHUNK)):
        out = io.StringIO(newline="")
        # Every text in quotes: where a country's list separator is another, it must not part one cell into two.
        writer = csv_format.writer(out, quoting=csv_format.QUOTE_NONNUMERIC)
        writer.writerows([[_csv_cell(value) for value in row] for row in some])
        yield out.getvalue().encode("utf-8-sig" if first else "utf-8")
        first = False


def _csv_cell(value: CellValue) -> CellValue:
    if not isinstance(value, str):
        return value
    text = _replace_unstorable(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _replace_unstorable(text: str) -> str:
    """The text with what no file can hold replaced, and one way to break a line."""
    return _UNSTORABLE.sub("\ufffd", text).replace("\r\n", "\n")


def write_xlsx(rows: Iterable[SheetRow], name: str) -> bytes:
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
    sheet.append([_xlsx_cell(sheet, head, bold) for head in heads])
    for row in left:
        sheet.append([_xlsx_cell(sheet, value) for value in row])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{count}"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _xlsx_cell(sheet: Any, value: CellValue, font: Font | None = None) -> Any:
    if not isinstance(value, str):
        return value
    text = _shorten(_LOOKS_ESCAPED.sub("_x005F_", _replace_unstorable(value).replace("\r", "\n")))
    if font is None and not _FORMULA.match(text) and not text.startswith("#"):
        return text
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"  # or the library makes a formula of what begins with =, an error of #N/A
    if font is None:
        cell.quotePrefix = True  # and Excel would, once somebody has edited the cell
    else:
        cell.font = font
    return cell


def _shorten(text: str) -> str:
    if len(text) <= MAX_CELL_UNITS // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MAX_CELL_UNITS:
        return text
    return units[: 2 * (MAX_CELL_UNITS - len(_CUT_NOTE))].decode("utf-16-le", "ignore") + _CUT_NOTE
