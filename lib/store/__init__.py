"""Conversations and experiments in SQL, saved while they grow. All that knows SQLAlchemy and Alembic is in here."""

from lib.store.database import database_url
from lib.store.store import Store
from lib.store.stored_values import (
    CellChange,
    ConversationEntry,
    DailyUsage,
    ExperimentEntry,
    RunEntry,
    SavedComparison,
    SavedConversation,
    SavedExperiment,
    SavedPreset,
    SavedRun,
    SavedSchema,
    Snapshot,
    StoredCell,
    UnfinishedAnswer,
)

__all__ = [
    "CellChange",
    "ConversationEntry",
    "DailyUsage",
    "ExperimentEntry",
    "RunEntry",
    "SavedComparison",
    "SavedConversation",
    "SavedExperiment",
    "SavedPreset",
    "SavedRun",
    "SavedSchema",
    "Snapshot",
    "Store",
    "StoredCell",
    "UnfinishedAnswer",
    "database_url",
]
