"""Conversations in SQL, saved while they grow. Everything that knows SQLAlchemy and Alembic is in here."""

from lib.store.database import place
from lib.store.snapshot import Entry, Live, Preset, Saved, SavedComparison, SavedSchema, Snapshot, Spend
from lib.store.store import Store

__all__ = [
    "Entry", "Live", "Preset", "Saved", "SavedComparison", "SavedSchema", "Snapshot", "Spend", "Store", "place",
]  # fmt: skip
