"""Saved presets (settings under a name) and saved JSON schemas for JSON mode."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection

from lib.files.preset_file import Preset, write_preset
from lib.store import tables
from lib.store.named_rows import NamedRows
from lib.store.stored_values import SavedPreset, SavedSchema


class PresetStore(NamedRows[SavedPreset]):
    """The presets of every owner. New conversations may begin with one of them, the start preset."""

    table, kind = tables.preset, "preset"
    unmarked = {"is_start": False}  # noqa: RUF012 (nobody changes it)

    def load_all(self, owner: str) -> tuple[SavedPreset, ...]:
        """Return the owner's presets, oldest first."""
        return tuple(SavedPreset(row.id, row.name, row.body, row.is_start) for row in self._read_all(owner))

    def add(self, owner: str, preset: Preset) -> None:
        """Save a preset under a new id."""
        self.save(owner, SavedPreset(uuid.uuid4().hex, preset.name, write_preset(preset)))

    def _put(self, connection: Connection, owner: str, id: str, **values: Any) -> None:
        """Insert or update a preset. At most one is the start preset."""
        if values.get("is_start"):
            is_own = self.table.c.owner == owner
            connection.execute(self.table.update().where(is_own).values(is_start=False))
        super()._put(connection, owner, id, **values)


class SavedSchemaStore(NamedRows[SavedSchema]):
    """The saved JSON schemas of every owner."""

    table, kind = tables.saved_schema, "schema"

    def load_all(self, owner: str) -> tuple[SavedSchema, ...]:
        """Return the owner's schemas, oldest first."""
        return tuple(SavedSchema(row.id, row.name, row.body) for row in self._read_all(owner))
