"""The rows of a comparison, and of the columns that keep its conversations out of the list."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from lib.compare.comparison import Comparison, dump_comparison
from lib.store import tables

MAX_TITLE_CHARS = 80
_COLUMN = tables.comparison_column


def comparison_title(comparison: Comparison) -> str:
    """Return the first input, shortened."""
    return " ".join(comparison.rounds[0].text.split())[:MAX_TITLE_CHARS] if comparison.rounds else ""


def insert_comparison(connection: Connection, owner: str, comparison: Comparison, now: int) -> None:
    """Insert a new comparison. Its conversations are in the database already."""
    connection.execute(
        tables.comparison.insert().values(
            id=comparison.id,
            owner=owner,
            title=comparison_title(comparison),
            body=dump_comparison(comparison),
            updated=now,
        )
    )
    write_columns(connection, comparison.id, [column.id for column in comparison.columns])


def write_columns(connection: Connection, comparison: str, column_ids: Sequence[str]) -> None:
    """Replace the columns of a comparison."""
    connection.execute(_COLUMN.delete().where(_COLUMN.c.comparison == comparison))
    if column_ids:
        rows = [{"conversation": id, "comparison": comparison} for id in column_ids]
        connection.execute(_COLUMN.insert(), rows)
