"""The store: one database, and a small class for each kind of thing that it holds."""

from __future__ import annotations

import time
from collections.abc import Callable

from lib.model.known_models import ModelLookup, find_record
from lib.store.cell_store import CellStore
from lib.store.comparison_store import ComparisonStore
from lib.store.conversation_store import ConversationStore
from lib.store.database import Database
from lib.store.experiment_store import ExperimentStore
from lib.store.lease_store import HEARTBEAT_SECONDS, LeaseStore
from lib.store.preset_store import PresetStore, SavedSchemaStore
from lib.store.run_store import RunStore


class Store:
    """Everything that is saved, of every owner. Safe from any thread.

    Every method of every part opens and migrates the database first if needed, and raises StorageFailed if it fails;
    the caller may try again. ``clock`` gives seconds since 1970. ``heartbeat_seconds`` is the time between renewals
    of leases, None for no renewals. ``find_model`` looks up the models that runs have asked.
    """

    def __init__(
        self,
        url: str,
        clock: Callable[[], float] = time.time,
        heartbeat_seconds: float | None = HEARTBEAT_SECONDS,
        find_model: ModelLookup = find_record,
    ) -> None:
        self.database = Database(url, clock)
        self.leases = LeaseStore(self.database, heartbeat_seconds)
        self.conversations = ConversationStore(self.database, self.leases)
        self.comparisons = ComparisonStore(self.database)
        self.presets = PresetStore(self.database)
        self.schemas = SavedSchemaStore(self.database)
        self.experiments = ExperimentStore(self.database)
        self.runs = RunStore(self.database, self.leases)
        self.cells = CellStore(self.database, self.leases, find_model)

    def close(self) -> None:
        """End all leases and close all connections. The next use opens them again."""
        self.leases.close()
        self.database.close()
