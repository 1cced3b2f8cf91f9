"""Rows that belong to one owner: read, written and removed in any table that begins with key, id and owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, select

from lib.errors import StorageFailed
from lib.store import tables
from lib.store.database import Database


def owned_row(table: Table, owner: str, id: str) -> ColumnElement[bool]:
    """Select the row with this id if it is the owner's. Any text is allowed: an id may come from a page's address."""
    return and_(table.c.id == tables.escape_text(id), table.c.owner == owner)


class OwnedRows:
    """Base of the stores of one ``table``. No method reads or writes another owner's rows.

    ``kind`` names the kind of row in errors.
    """

    table: Table
    kind: str

    def __init__(self, database: Database) -> None:
        self._database = database

    def remove(self, owner: str, id: str) -> bool:
        """Delete a row. Return False if the owner has none with this id."""
        with self._database.writing() as connection:
            return connection.execute(self.table.delete().where(self._row(owner, id))).rowcount == 1

    def _row(self, owner: str, id: str) -> ColumnElement[bool]:
        return owned_row(self.table, owner, id)

    def _read_all(self, owner: str) -> Sequence[Row[Any]]:
        """Return the owner's rows, oldest first."""
        query = select(self.table).where(self.table.c.owner == owner).order_by(self.table.c.key)
        with self._database.reading() as connection:
            return connection.execute(query).all()

    def _put(self, connection: Connection, owner: str, id: str, **values: Any) -> None:
        """Insert the row, or update the owner's row with this id. Raise StorageFailed if another owner has it."""
        row_owner = connection.scalar(select(self.table.c.owner).where(self.table.c.id == id))
        if row_owner is None:
            connection.execute(self.table.insert().values(id=id, owner=owner, **values))
        elif row_owner == owner:
            connection.execute(self.table.update().where(self.table.c.id == id).values(**values))
        else:
            raise StorageFailed(
                f"This {self.kind} belongs to somebody else.", advice="Save it under a new name."
            )

    def _update(self, owner: str, id: str, **values: Any) -> bool:
        """Set columns of a row. Return False if the owner has none with this id."""
        with self._database.writing() as connection:
            change = self.table.update().where(self._row(owner, id)).values(**values)
            return connection.execute(change).rowcount == 1
