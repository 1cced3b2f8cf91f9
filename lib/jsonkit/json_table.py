"""Show a list of flat objects as a table of columns and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lib.jsonkit.json_text import write_literal

TableCell = str | int | float | bool | None


@dataclass(frozen=True)
class JsonTable:
    """Columns in the order of their first appearance. A cell that is missing in its row is an empty text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]


def find_table(value: Any) -> JsonTable | None:
    """Return the table in a value: a list of flat objects, or the only such list in an object; else None.

    A flat object holds only texts, numbers, true, false, null, and lists of these.
    """
    if isinstance(value, dict):
        lists = [item for item in value.values() if _is_table(item)]
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
        isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value)
    )


def _cell(value: Any) -> TableCell:
    if isinstance(value, list):
        return ", ".join(item if isinstance(item, str) else write_literal(item) for item in value)
    return value  # type: ignore[no-any-return]
