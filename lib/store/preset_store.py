"""Presets: choices kept under a name, one of which new conversations may begin with."""

from __future__ import annotations

from sqlalchemy import Connection, update

from lib.store import named_rows, tables
from lib.store.stored_values import SavedPreset

_TABLE = tables.preset


def presets(connection: Connection, owner: str) -> tuple[SavedPreset, ...]:
    """All of that owner's, in the order they were made."""
    rows = named_rows.rows(connection, _TABLE, owner)
    return tuple(SavedPreset(row.id, row.name, row.body, row.is_start) for row in rows)


def put(connection: Connection, owner: str, preset: SavedPreset) -> None:
    """Keep it, in the place of an older one of its id. Raises StorageFailed where that is somebody else's."""
    if preset.is_start:
        connection.execute(update(_TABLE).where(_TABLE.c.owner == owner).values(is_start=False))
    values = {"name": preset.name, "body": preset.body, "is_start": preset.is_start}
    named_rows.put(connection, _TABLE, owner, preset.id, "preset", **values)


def remove(connection: Connection, owner: str, id: str) -> bool:
    """Forget it. False where that owner has none of that id."""
    return named_rows.remove(connection, _TABLE, owner, id)
