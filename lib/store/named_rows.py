"""What an owner keeps under a name: the rows of one table, in the order they were made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, and_, delete, insert, select, update

from lib.errors import StorageFailed
from lib.store import tables


def rows(connection: Connection, table: Table, owner: str) -> Sequence[Row[Any]]:
    """All of that owner's."""
    return connection.execute(select(table).where(table.c.owner == owner).order_by(table.c.key)).all()


def put(connection: Connection, table: Table, owner: str, id: str, what: str, **values: Any) -> None:
    """Keep it, in the place of an older one of its id. Raises StorageFailed where that is somebody else's."""
    there = connection.scalar(select(table.c.owner).where(table.c.id == id))
    if there is None:
        connection.execute(insert(table).values(id=id, owner=owner, **values))
    elif there == owner:
        connection.execute(update(table).where(table.c.id == id).values(**values))
    else:
        raise StorageFailed(f"This {what} belongs to somebody else.", advice="Save it under a new name.")


def remove(connection: Connection, table: Table, owner: str, id: str) -> bool:
    """Forget it. False where that owner has none of that id."""
    mine = and_(table.c.owner == owner, table.c.id == tables.escape_text(id))
    return connection.execute(delete(table).where(mine)).rowcount == 1
