"""Presets: choices kept under a name, one of which new conversations may begin with."""

from __future__ import annotations

from sqlalchemy import Connection, and_, delete, insert, select, update

from lib.errors import StorageFailed
from lib.store import schema
from lib.store.snapshot import Preset

_TABLE = schema.preset


def presets(connection: Connection, owner: str) -> tuple[Preset, ...]:
    """All of that owner's, in the order they were made."""
    rows = connection.execute(select(_TABLE).where(_TABLE.c.owner == owner).order_by(_TABLE.c.key))
    return tuple(Preset(row.id, row.name, row.body, row.is_start) for row in rows)


def put(connection: Connection, owner: str, preset: Preset) -> None:
    """Keep it, in the place of an older one of its id. Raises StorageFailed where that is somebody else's."""
    if preset.is_start:
        connection.execute(update(_TABLE).where(_TABLE.c.owner == owner).values(is_start=False))
    values = {"name": preset.name, "body": preset.body, "is_start": preset.is_start}
    there = connection.scalar(select(_TABLE.c.owner).where(_TABLE.c.id == preset.id))
    if there is None:
        connection.execute(insert(_TABLE).values(id=preset.id, owner=owner, **values))
    elif there == owner:
        connection.execute(update(_TABLE).where(_TABLE.c.id == preset.id).values(**values))
    else:
        raise StorageFailed("This preset belongs to somebody else.", advice="Save it under a new name.")


def remove(connection: Connection, owner: str, id: str) -> bool:
    """Forget it. False where that owner has none of that id."""
    mine = and_(_TABLE.c.owner == owner, _TABLE.c.id == schema.escape(id))
    return connection.execute(delete(_TABLE).where(mine)).rowcount == 1
