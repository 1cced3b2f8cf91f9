"""The first visible sheet of an XLSX file as texts, each cell as the spreadsheet program shows it."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from lib.errors import BadInput
from lib.jsonkit.file_limits import (
    MAX_SHEET_ROWS,
    MAX_SHEETS,
    MAX_SPREADSHEET_BYTES,
    MAX_SPREADSHEET_NAMES,
    MAX_SPREADSHEET_STYLES,
    MAX_SPREADSHEET_TEXTS,
    MAX_TABLE_CELLS,
)

_ADVICE = "Open it in a spreadsheet program and save it again as .xlsx, or as CSV."
_DECIMALS = re.compile(r"\.(0+)")
# Parts of a number format that are shown as they are, or not at all: texts, escaped characters, colours and locales.
_FORMAT_LITERALS = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
# XLSX writes a character that XML lacks by its number, and the underscore of a text that looks so as _x005F_.
_ESCAPED = re.compile(r"_x000D_\n?|_x(005F|00[01][0-9A-F])_", re.IGNORECASE)

Record = tuple[int, list[str]]  # the line or row number, from 1, and the cells


def read_first_sheet(data: bytes) -> tuple[list[Record], list[str]]:
    """Return the rows of the first visible sheet that are not empty, and remarks.

    Formulas are read as their stored results. Raise BadInput if it is not an XLSX file, is too large
    unpacked, has too many texts, names or styles, or is broken.
    """
    _check_size(data)
    # Imported late: it takes a third of a second.
    import openpyxl
    from defusedxml import DefusedXmlException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about extensions that do not matter here
            _check_counts(data)
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            sheet = _first_visible_sheet(book)
            records = list(_records(sheet))
            remarks = list(_find_remarks(data, book, sheet))
    except BadInput:
        raise
    except Exception as error:  # openpyxl raises anything at a broken file, and wraps most of it
        match cause := error.__cause__ or error:
            case MemoryError():
                raise cause from None
            case DefusedXmlException():
                message = "The spreadsheet's XML defines entities, which no spreadsheet program does."
            case _:
                message = f"The spreadsheet is broken ({type(error).__name__})."
        raise BadInput(message, advice=_ADVICE) from None
    return records, remarks


def _check_size(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            entries = packed.infolist()
            _check_sum(entries)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
        raise BadInput(
            "The file is named .xlsx, but it is not an Excel file or not complete.", advice=_ADVICE
        ) from None
    if "xl/workbook.xml" not in {entry.filename for entry in entries}:
        raise BadInput("The file is a zip archive, but not an Excel file.", advice=_ADVICE)


def _check_sum(entries: list[zipfile.ZipInfo]) -> None:
    size = sum(entry.file_size for entry in entries)  # zipfile reads no entry beyond the size it claims
    if size > MAX_SPREADSHEET_BYTES:
        raise BadInput(
            f"Unpacked, the spreadsheet has {size:,} bytes, more than {MAX_SPREADSHEET_BYTES:,}.",
            advice="Remove what you do not need, or split it.",
        )


# Tags of the tables that openpyxl reads slowly. Every part is searched: the file says which one is which table.
_COUNTED = (
    (b"<si", MAX_SPREADSHEET_TEXTS, "texts"),
    (b"<sheet ", MAX_SHEETS, "sheets"),
    (b"<definedName ", MAX_SPREADSHEET_NAMES, "defined names"),
    (b"<font>", MAX_SPREADSHEET_STYLES, "fonts"),
    (b"<xf ", MAX_SPREADSHEET_STYLES, "cell formats"),
)


def _check_counts(data: bytes) -> None:
    """Raise BadInput if the tables of the workbook are longer than those of any honest one."""
    packed = zipfile.ZipFile(io.BytesIO(data))
    for name in packed.namelist():
        if not name.endswith(".xml") or name.startswith("xl/worksheets/"):
            continue
        content = packed.read(name)
        for tag, limit, what in _COUNTED:
            if (count := content.count(tag)) > limit:
                raise BadInput(
                    f"The spreadsheet has {count:,} {what}, more than {limit:,}.",
                    advice="Copy what is needed into a new spreadsheet, or save it as CSV.",
                )


def _first_visible_sheet(book: Any) -> Any:
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.worksheets
    if not sheets:
        raise BadInput("The spreadsheet has no sheet with cells.", advice=_ADVICE)
    # Forget the claimed size: it may be a million rows by 16,000 columns, padded with empty cells.
    sheets[0].reset_dimensions()
    return sheets[0]


def _records(sheet: Any) -> Iterator[Record]:
    values = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        # openpyxl makes up the rows before one that claims to be the billionth.
        if number > MAX_SHEET_ROWS:
            raise BadInput(f"The sheet has more than {MAX_SHEET_ROWS:,} rows.", advice=_ADVICE)
        values += len(row)
        if values > MAX_TABLE_CELLS:
            raise BadInput(
                f"The sheet has more than {MAX_TABLE_CELLS:,} cells up to row {number:,}.",
                advice="Remove what you do not need, or split it.",
            )
        cells = [_cell_text(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield number, cells


def _cell_text(cell: Any) -> str:
    match cell.value:
        case None:
            return ""
        case str(text):
            return _ESCAPED.sub(_unescape, text)
        case bool(flag):
            return str(flag).upper()
        case int() | float() as number if "%" in (number_format := _plain_format(cell)):
            decimals = _DECIMALS.search(number_format)
            return f"{number * 100:.{len(decimals[1]) if decimals else 0}f}%"
        case float(number):
            return f"{number:.15g}"  # the digits that a spreadsheet shows: 0.3, not 0.30000000000000004
        case datetime() as moment:
            clock = moment.time()
            return str(moment.date()) if clock == time() else f"{moment.date()} {_format_time(clock)}"
        case time() as clock:
            return _format_time(clock)
        case timedelta() as duration:
            return _format_duration(duration)
        case int(number) if number >= 0 and (places := _plain_format(cell)).strip("0") == "":
            return str(number).zfill(len(places))  # a postal code keeps its zeros
        case value:
            return str(value)


def _plain_format(cell: Any) -> str:
    """Return the format of the cell's positive numbers, without its texts."""
    return _FORMAT_LITERALS.sub("", cell.number_format or "").partition(";")[0]


def _unescape(match: re.Match[str]) -> str:
    if match[1] is None:
        return "\n"
    character = chr(int(match[1], 16))
    return character if character in "_\t\n" else " "


def _format_duration(duration: timedelta) -> str:
    """Write 27 hours as 27:00, and seconds if there are any."""
    seconds = round(duration.total_seconds())
    minutes, rest = divmod(abs(seconds), 60)
    text = f"{'-' if seconds < 0 else ''}{minutes // 60}:{minutes % 60:02}"
    return f"{text}:{rest:02}" if rest else text


def _format_time(clock: time) -> str:
    return clock.isoformat("seconds" if clock.second else "minutes")


def _find_remarks(data: bytes, book: Any, sheet: Any) -> Iterator[str]:
    if len(book.worksheets) > 1:
        yield f"Of {len(book.worksheets)} sheets, the first one, “{sheet.title}”, was read."
    if (empty := _formulas_without_result(data, sheet.title)) is not None:
        count, first = empty
        yield (
            f"{'A formula has' if count == 1 else f'{count:,} formulas have'} no result stored in the file and "
            f"{'is' if count == 1 else 'are'} empty here, first {first}. Open the file in a spreadsheet program and "
            "save it; then the results are in it."
        )


def _formulas_without_result(data: bytes, title: str) -> tuple[int, str] | None:
    """Return how many formulas have no stored result and the first one's coordinate, None if all have one."""
    import openpyxl

    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        sheets = [name for name in packed.namelist() if name.startswith("xl/worksheets/")]
        if not any(b"<f" in packed.read(name) for name in sheets):
            return None
    formula_sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True)[title]
    result_sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)[title]
    for sheet in (formula_sheet, result_sheet):
        sheet.reset_dimensions()
    missing = [
        cell.coordinate
        for formulas, results in zip(formula_sheet.iter_rows(), result_sheet.iter_rows(), strict=True)
        for cell, result in zip(formulas, results, strict=True)
        if cell.data_type == "f" and result.value is None
    ]
    return (len(missing), missing[0]) if missing else None
