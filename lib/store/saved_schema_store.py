"""Schemas for JSON mode, kept under a name."""

from __future__ import annotations

from sqlalchemy import Connection

from lib.store import named_rows, tables
from lib.store.stored_values import SavedSchema

_TABLE = tables.saved_schema


def schemas(connection: Connection, owner: str) -> tuple[SavedSchema, ...]:
    """All of that owner's, in the order they were made."""
    return tuple(
        SavedSchema(row.id, row.name, row.body) for row in named_rows.rows(connection, _TABLE, owner)
    )


def put(connection: Connection, owner: str, saved: SavedSchema) -> None:
    """Keep it, in the place of an older one of its id. Raises StorageFailed where that is somebody else's."""
    named_rows.put(connection, _TABLE, owner, saved.id, "schema", name=saved.name, body=saved.body)


def remove(connection: Connection, owner: str, id: str) -> bool:
    """Forget it. False where that owner has none of that id."""
    return named_rows.remove(connection, _TABLE, owner, id)
