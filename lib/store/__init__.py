"""Conversations and experiments in SQL, saved while they grow. All that knows SQLAlchemy and Alembic is in here."""

from lib.store.database import place
from lib.store.store import Store
from lib.store.stored_values import (
    Change,
    Entry,
    ExperimentEntry,
    Live,
    Preset,
    RunEntry,
    Saved,
    SavedComparison,
    SavedExperiment,
    SavedRun,
    SavedSchema,
    Snapshot,
    Spend,
    Stored,
)

__all__ = [
    "Change",
    "Entry",
    "ExperimentEntry",
    "Live",
    "Preset",
    "RunEntry",
    "Saved",
    "SavedComparison",
    "SavedExperiment",
    "SavedRun",
    "SavedSchema",
    "Snapshot",
    "Spend",
    "Store",
    "Stored",
    "place",
]
