"""XLSX export: rows as an Excel workbook. Texts stay texts, whatever they begin with."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lib.files.csv_export import CellValue, looks_like_formula, replace_unstorable

if TYPE_CHECKING:
    from openpyxl.styles import Font

XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

MAX_CELL_UNITS = 32_767  # Excel's limit for one cell, in UTF-16 code units
_CUT_NOTE = " … (cut: Excel takes no more)"
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")  # XLSX writes a character by its number so
_LONG_TEXT_WIDTH, _MIN_WIDTH, _MAX_WIDTH = 48, 12, 40


def write_xlsx(rows: Iterable[Sequence[CellValue]], sheet_name: str) -> bytes:
    """Return a workbook with one sheet. The first row has the columns' names."""
    # Only where it is used: it loads NumPy and Pillow.
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet(sheet_name)
    remaining = iter(rows)
    heads = next(remaining)
    sheet.freeze_panes = "A2"
    for number, head in enumerate(heads, 1):
        sheet.column_dimensions[get_column_letter(number)].width = _width(str(head))
    bold = Font(bold=True)
    sheet.append([_xlsx_cell(sheet, head, bold) for head in heads])
    row_count = 1
    for row in remaining:
        sheet.append([_xlsx_cell(sheet, value) for value in row])
        row_count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(heads))}{row_count}"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _width(head: str) -> int:
    if head == "Answer" or head.startswith("Input"):
        return _LONG_TEXT_WIDTH
    return max(_MIN_WIDTH, min(len(head), _MAX_WIDTH))


def _xlsx_cell(sheet: Any, value: CellValue, font: Font | None = None) -> Any:
    if not isinstance(value, str):
        return value
    text = _shorten(_LOOKS_ESCAPED.sub("_x005F_", replace_unstorable(value).replace("\r", "\n")))
    if font is None and not looks_like_formula(text) and not text.startswith("#"):
        return text
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, text)
    # Otherwise the library makes a formula of “=…” and an error of “#N/A”.
    cell.data_type = "s"
    if font is None:
        # Otherwise Excel makes a formula of the text once somebody has edited the cell.
        cell.quotePrefix = True
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
