"""Comparisons in the database. Their columns are conversations, which are not in the list of conversations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select

from lib.compare.comparison import dump_comparison, load_comparison
from lib.compare.comparison_merge import merge_comparisons
from lib.errors import BadInput
from lib.store import tables
from lib.store.comparison_rows import write_columns
from lib.store.conversation_reader import to_datetime
from lib.store.conversation_store import update_conversations
from lib.store.owned_rows import OwnedRows
from lib.store.stored_values import SavedComparison

MAX_LISTED = 50
_COLUMN = tables.comparison_column


class ComparisonStore(OwnedRows):
    """The comparisons of every owner."""

    table, kind = tables.comparison, "comparison"

    def newest(self, owner: str, limit: int | None = MAX_LISTED) -> tuple[SavedComparison, ...]:
        """Return the owner's newest comparisons, newest first, None: all. They lack the ids of their columns."""
        query = (
            select(self.table)
            .where(self.table.c.owner == owner)
            .order_by(self.table.c.updated.desc(), self.table.c.key.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(
            SavedComparison(row.id, row.title, row.body, (), to_datetime(row.updated)) for row in rows
        )

    def count(self, owner: str) -> int:
        with self._database.reading() as connection:
            query = select(func.count()).select_from(self.table).where(self.table.c.owner == owner)
            return connection.scalar(query) or 0

    def load(self, owner: str, id: str) -> SavedComparison | None:
        """Return the comparison, None if the owner has none with this id."""
        with self._database.reading() as connection:
            return self._read(connection, owner, id)

    def save(self, owner: str, comparison: SavedComparison) -> SavedComparison:
        """Insert or overwrite a comparison. Its columns leave the list of conversations.

        Return what is stored now: the given one, with the rounds that another server has added.
        """
        with self._database.writing() as connection:
            stored = connection.execute(
                select(self.table.c.body).where(self._row(owner, comparison.id)).with_for_update()
            ).scalar()
            if stored is not None:
                comparison = _merge(comparison, stored)
            values = {"title": comparison.title, "body": comparison.body, "updated": self._database.now()}
            self._put(connection, owner, comparison.id, **values)
            write_columns(connection, comparison.id, comparison.column_ids)
        return comparison

    def remove(self, owner: str, id: str) -> bool:
        """Delete a comparison and move its conversations to the bin."""
        with self._database.writing() as connection:
            comparison = self._read(connection, owner, id)
            if comparison is None:
                return False
            update_conversations(connection, owner, comparison.column_ids, deleted_at=self._database.now())
            return connection.execute(self.table.delete().where(self._row(owner, id))).rowcount == 1

    def _read(self, connection: Connection, owner: str, id: str) -> SavedComparison | None:
        row = connection.execute(select(self.table).where(self._row(owner, id))).one_or_none()
        if row is None:
            return None
        ids = connection.scalars(select(_COLUMN.c.conversation).where(_COLUMN.c.comparison == row.id))
        return SavedComparison(row.id, row.title, row.body, tuple(ids))


def _merge(comparison: SavedComparison, stored: Any) -> SavedComparison:
    """Return the comparison with what only the ``stored`` body has, itself if that is nothing."""
    try:
        ours, theirs = load_comparison(comparison.id, comparison.body), load_comparison(comparison.id, stored)
    except BadInput:  # of another version, which is overwritten
        return comparison
    if (merged := merge_comparisons(ours, theirs)) is ours:
        return comparison
    columns = tuple(column.id for column in merged.columns)
    return replace(comparison, body=dump_comparison(merged), column_ids=columns)
