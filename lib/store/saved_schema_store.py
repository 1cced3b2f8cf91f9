"""Saved JSON schemas: schemas for JSON mode under a name."""

from __future__ import annotations

from lib.store import owned_rows, tables
from lib.store.database import Database
from lib.store.stored_values import SavedSchema

_TABLE = tables.saved_schema


class SavedSchemaStore:
    """The saved schemas of every owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load_all(self, owner: str) -> tuple[SavedSchema, ...]:
        """Return the owner's schemas, oldest first."""
        with self._database.reading() as connection:
            rows = owned_rows.read_rows(connection, _TABLE, owner)
        return tuple(SavedSchema(row.id, row.name, row.body) for row in rows)

    def save(self, owner: str, schema: SavedSchema) -> None:
        """Insert or overwrite a schema."""
        with self._database.writing() as connection:
            values = {"name": schema.name, "body": schema.body}
            owned_rows.put_row(connection, _TABLE, owner, schema.id, "schema", **values)

    def remove(self, owner: str, id: str) -> bool:
        """Delete a schema. Return False if the owner has none with this id."""
        with self._database.writing() as connection:
            return owned_rows.remove_row(connection, _TABLE, owner, id)
