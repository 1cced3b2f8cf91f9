"""The database: conversations, presets, comparisons, experiments and their runs, and the autosave.

The only package that imports SQLAlchemy and Alembic. May import ``lib.experiment``, ``lib.compare`` and the packages
below them. Start with ``store``; ``conversation_store`` and its neighbours hold the SQL.
"""

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
