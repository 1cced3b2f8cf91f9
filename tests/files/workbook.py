"""XLSX files for upload tests."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import openpyxl


def make_workbook(*rows: Sequence[Any], formats: dict[str, str] | None = None) -> bytes:
    """Return an XLSX file with these rows, and a second sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for place, format in (formats or {}).items():
        sheet[place].number_format = format
    book.create_sheet("More").append(["x"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
