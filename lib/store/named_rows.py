"""Presets and schemas, saved under names. Nobody overwrites or deletes a version that they did not see."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Collection
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, RowMapping, select

from lib.files.preset_file import MAX_PRESET_NAME_CHARS
from lib.store.owned_rows import OwnedRows
from lib.store.stored_values import SavedPreset, SavedSchema

Saved = TypeVar("Saved", SavedPreset, SavedSchema)


class NamedRows(OwnedRows, Generic[Saved]):
    """Base of the stores of one kind of named items, whose fields have the names of the table's columns.

    ``unmarked`` are the values of a row that is added although the user only changed an existing one.
    """

    unmarked: dict[str, Any] = {}  # noqa: RUF012 (nobody changes it)

    def save(self, owner: str, item: Saved, before: Saved | None = None) -> str | None:
        """Insert the item, or change only what differs from ``before``: the item as the user saw it.

        If the same was changed elsewhere since, both are kept: return the name that this version got, else None.
        """
        values = vars(item)
        old_values = {} if before is None else vars(before)
        changes = {
            column: value
            for column, value in values.items()
            if column not in old_values or old_values[column] != value
        }
        with self._database.writing() as connection:
            rows = self._lock_all(connection, owner)
            row = rows.get(item.id)
            if row is None:
                new = {} if before is None else self.unmarked
                self._put(connection, owner, **{**values, **new, **changes})
                return None
            if all(
                row[column] in (value, old_values.get(column, value)) for column, value in changes.items()
            ):
                if changes:
                    self._put(connection, owner, **{"id": item.id, **changes})
                return None
            name = _free_name(item.name, {other["name"] for other in rows.values()})
            copy = {**values, **self.unmarked, **changes, "id": uuid.uuid4().hex, "name": name}
            self._put(connection, owner, **copy)
            return name

    def delete(self, owner: str, item: Saved) -> bool:
        """Delete the item. Return False, and keep it, if its name or content was changed elsewhere since."""
        with self._database.writing() as connection:
            row = self._lock_all(connection, owner).get(item.id)
            if row is not None and (row["name"], row["body"]) != (item.name, item.body):
                return False
            connection.execute(self.table.delete().where(self._row(owner, item.id)))
            return True

    def _lock_all(self, connection: Connection, owner: str) -> dict[str, RowMapping]:
        """Return the owner's rows by id. Other servers do not change them until the transaction ends."""
        query = select(self.table).where(self.table.c.owner == owner).order_by(self.table.c.key)
        return {row["id"]: row for row in connection.execute(query.with_for_update()).mappings()}


def _free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number if it is taken."""
    if name not in taken:
        return name
    suffixes = (f" ({number})" for number in itertools.count(2))
    names = (name[: MAX_PRESET_NAME_CHARS - len(suffix)] + suffix for suffix in suffixes)
    return next(numbered for numbered in names if numbered not in taken)
