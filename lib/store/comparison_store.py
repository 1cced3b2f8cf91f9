"""Comparisons, and the conversations that are their columns: those stand in no list of conversations."""

from __future__ import annotations

from sqlalchemy import Connection, Select, and_, delete, insert, select

from lib.store import named_rows, tables
from lib.store.stored_values import SavedComparison

_TABLE = tables.comparison
_COLUMN = tables.comparison_column


def columns() -> Select[tuple[str]]:
    """The ids of all conversations that are columns."""
    return select(_COLUMN.c.conversation)


def comparisons(connection: Connection, owner: str, most: int) -> tuple[SavedComparison, ...]:
    """That owner's, newest first, without their columns' ids."""
    asked = (
        select(_TABLE).where(_TABLE.c.owner == owner).order_by(_TABLE.c.updated.desc(), _TABLE.c.key.desc())
    )
    rows = connection.execute(asked.limit(most)).all()
    return tuple(SavedComparison(row.id, row.title, row.body, ()) for row in rows)


def load(connection: Connection, owner: str, id: str) -> SavedComparison | None:
    """The one of that id, None where that owner has none."""
    mine = and_(_TABLE.c.owner == owner, _TABLE.c.id == tables.escape_text(id))
    row = connection.execute(select(_TABLE).where(mine)).one_or_none()
    if row is None:
        return None
    ids = connection.scalars(select(_COLUMN.c.conversation).where(_COLUMN.c.comparison == row.id))
    return SavedComparison(row.id, row.title, row.body, tuple(ids))


def put(connection: Connection, owner: str, saved: SavedComparison, now: int) -> None:
    """Keep it, in the place of an older one of its id. Raises StorageFailed where that is somebody else's."""
    values = {"title": saved.title, "body": saved.body, "updated": now}
    named_rows.put(connection, _TABLE, owner, saved.id, "comparison", **values)
    connection.execute(delete(_COLUMN).where(_COLUMN.c.comparison == saved.id))
    if saved.column_ids:
        rows = [{"conversation": id, "comparison": saved.id} for id in saved.column_ids]
        connection.execute(insert(_COLUMN), rows)


def remove(connection: Connection, owner: str, id: str) -> bool:
    """Forget it. False where that owner has none of that id."""
    return named_rows.remove(connection, _TABLE, owner, id)
