"""The store: one database, and a small class for each kind of thing that it holds."""

from __future__ import annotations

import time
from collections.abc import Callable

from lib.store.cell_store import CellStore
from lib.store.comparison_store import ComparisonStore
from lib.store.conversation_store import ConversationStore
from lib.store.database import Database
from lib.store.experiment_store import ExperimentStore
from lib.store.preset_store import PresetStore, SavedSchemaStore
from lib.store.run_store import RunStore


class Store:
    """Everything that is saved, of every owner. Safe from any thread.

    Every method of every part opens and migrates the database first if needed, and raises StorageFailed if it fails;
    the caller may try again. ``clock`` gives seconds since 1970.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self.database = Database(url, clock)
        self.conversations = ConversationStore(self.database)
        self.comparisons = ComparisonStore(self.database)
        self.presets = PresetStore(self.database)
        self.schemas = SavedSchemaStore(self.database)
        self.experiments = ExperimentStore(self.database)
        self.runs = RunStore(self.database)
        self.cells = CellStore(self.database)

    def close(self) -> None:
        """Close all connections. The next use opens them again."""
        self.database.close()
