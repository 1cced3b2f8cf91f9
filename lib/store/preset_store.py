"""Saved presets (settings under a name) and saved JSON schemas for JSON mode."""

from __future__ import annotations

import uuid

from lib.files.preset_file import Preset, write_preset
from lib.store import tables
from lib.store.owned_rows import OwnedRows
from lib.store.stored_values import SavedPreset, SavedSchema


class PresetStore(OwnedRows):
    """The presets of every owner. New conversations may begin with one of them, the start preset."""

    table, kind = tables.preset, "preset"

    def load_all(self, owner: str) -> tuple[SavedPreset, ...]:
        """Return the owner's presets, oldest first."""
        return tuple(SavedPreset(row.id, row.name, row.body, row.is_start) for row in self._read_all(owner))

    def add(self, owner: str, preset: Preset) -> None:
        """Save a preset under a new id."""
        self.save(owner, SavedPreset(uuid.uuid4().hex, preset.name, write_preset(preset)))

    def save(self, owner: str, preset: SavedPreset) -> None:
        """Insert or overwrite a preset. At most one is the start preset."""
        values = {"name": preset.name, "body": preset.body, "is_start": preset.is_start}
        with self._database.writing() as connection:
            if preset.is_start:
                is_own = self.table.c.owner == owner
                connection.execute(self.table.update().where(is_own).values(is_start=False))
            self._put(connection, owner, preset.id, **values)


class SavedSchemaStore(OwnedRows):
    """The saved JSON schemas of every owner."""

    table, kind = tables.saved_schema, "schema"

    def load_all(self, owner: str) -> tuple[SavedSchema, ...]:
        """Return the owner's schemas, oldest first."""
        return tuple(SavedSchema(row.id, row.name, row.body) for row in self._read_all(owner))

    def save(self, owner: str, schema: SavedSchema) -> None:
        """Insert or overwrite a schema."""
        with self._database.writing() as connection:
            self._put(connection, owner, schema.id, name=schema.name, body=schema.body)
