"""Table: a list of flat objects as columns and rows."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

TableCell = str | int | float | bool | None


@dataclass(frozen=True)
class JsonTable:
    """Columns in the order in which they are first seen. A cell that a row does not have is the empty text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]

    def to_csv(self) -> str:
        """As a spreadsheet reads it; what it would run as a formula gets an apostrophe in front."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([_harmless(column) for column in self.columns])
        writer.writerows([_harmless(cell) for cell in row] for row in self.rows)
        return out.getvalue()


def find_table(value: Any) -> JsonTable | None:
    """The table in a value: a list of flat objects, or an object that holds exactly one. None where there is none.

    An object is flat where it holds texts, numbers, true, false, null, and lists of those.
    """
    if isinstance(value, dict):
        lists = [one for one in value.values() if _is_table(one)]
        value = lists[0] if len(lists) == 1 else None
    if not _is_table(value):
        return None
    columns = tuple(dict.fromkeys(key for row in value for key in row))
    return JsonTable(
        columns, tuple(tuple(_cell(row[key]) if key in row else "" for key in columns) for row in value)
    )


def _is_table(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, dict) and all(map(_is_flat, row.values())) for row in value)
        and any(value)
    )


def _is_flat(value: Any) -> bool:
    return not isinstance(value, dict) and not (
        isinstance(value, list) and any(isinstance(one, (dict, list)) for one in value)
    )


def _cell(value: Any) -> TableCell:
    if isinstance(value, list):
        return ", ".join(one if isinstance(one, str) else json.dumps(one) for one in value)
    return value  # type: ignore[no-any-return]


def _harmless(cell: TableCell) -> TableCell:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
