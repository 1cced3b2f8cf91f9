"""Saved presets: settings under a name. New conversations may begin with one of them, the start preset."""

from __future__ import annotations

import uuid

from sqlalchemy import update

from lib.files.preset_file import Preset, write_preset
from lib.store import owned_rows, tables
from lib.store.database import Database
from lib.store.stored_values import SavedPreset

_TABLE = tables.preset


class PresetStore:
    """The presets of every owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load_all(self, owner: str) -> tuple[SavedPreset, ...]:
        """Return the owner's presets, oldest first."""
        with self._database.reading() as connection:
            rows = owned_rows.read_rows(connection, _TABLE, owner)
        return tuple(SavedPreset(row.id, row.name, row.body, row.is_start) for row in rows)

    def add(self, owner: str, preset: Preset) -> None:
        """Save a preset under a new id."""
        self.save(owner, SavedPreset(uuid.uuid4().hex, preset.name, write_preset(preset)))

    def save(self, owner: str, preset: SavedPreset) -> None:
        """Insert or overwrite a preset. At most one is the start preset."""
        with self._database.writing() as connection:
            if preset.is_start:
                connection.execute(update(_TABLE).where(_TABLE.c.owner == owner).values(is_start=False))
            values = {"name": preset.name, "body": preset.body, "is_start": preset.is_start}
            owned_rows.put_row(connection, _TABLE, owner, preset.id, "preset", **values)

    def remove(self, owner: str, id: str) -> bool:
        """Delete a preset. Return False if the owner has none with this id."""
        with self._database.writing() as connection:
            return owned_rows.remove_row(connection, _TABLE, owner, id)
