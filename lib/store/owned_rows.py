"""Rows that belong to one owner: read, written and removed in any table that begins with key, id and owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, delete, insert, select, update

from lib.errors import StorageFailed
from lib.store import tables


def owned_row(table: Table, owner: str, id: str) -> ColumnElement[bool]:
    """Select the row with this id if it is the owner's. Any text is allowed: an id may come from a page's address."""
    return and_(table.c.id == tables.escape_text(id), table.c.owner == owner)


def read_rows(connection: Connection, table: Table, owner: str) -> Sequence[Row[Any]]:
    """Return the owner's rows, oldest first."""
    return connection.execute(select(table).where(table.c.owner == owner).order_by(table.c.key)).all()


def put_row(connection: Connection, table: Table, owner: str, id: str, what: str, **values: Any) -> None:
    """Insert the row, or update the owner's row with this id. Raise StorageFailed if another owner has it.

    ``what`` names the kind of row in that error.
    """
    row_owner = connection.scalar(select(table.c.owner).where(table.c.id == id))
    if row_owner is None:
        connection.execute(insert(table).values(id=id, owner=owner, **values))
    elif row_owner == owner:
        connection.execute(update(table).where(table.c.id == id).values(**values))
    else:
        raise StorageFailed(f"This {what} belongs to somebody else.", advice="Save it under a new name.")


def remove_row(connection: Connection, table: Table, owner: str, id: str) -> bool:
    """Delete the row. Return False if the owner has none with this id."""
    return connection.execute(delete(table).where(owned_row(table, owner, id))).rowcount == 1
