"""Autosave: one thread writes conversations while answers come, and tries again when the database fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress

from lib.chat.setup_merge import Setup
from lib.chat.snapshot import Snapshot
from lib.errors import PaddockError
from lib.store.store import Store

INTERVAL = 0.4  # seconds: a killed server loses no more text than this, and the time of one write
MAX_PAUSE = 4.0


class Autosaver:
    """Saves the conversations that ``snapshots`` returns; unchanged ones cost nothing.

    A conversation that could not be written stays in memory and is tried again. If another server changed one too,
    ``on_merge`` is called with its snapshot, with what both have become, which is stored, and with the system prompt
    and settings that this replaced, if any. The answers of killed servers are recovered first.
    """

    def __init__(
        self,
        store: Store,
        snapshots: Callable[[], Iterable[Snapshot]],
        on_merge: Callable[[Snapshot, Snapshot, Setup | None], None] = lambda snapshot, merged, other: None,
        interval: float = INTERVAL,
        max_pause: float = MAX_PAUSE,
    ) -> None:
        self._store = store
        self._snapshots = snapshots
        self._on_merge = on_merge
        self._interval = interval
        self._max_pause = max_pause
        self._must_recover = True
        self._written: dict[str, Snapshot] = {}
        self._generation = 0
        self._problem: PaddockError | None = None
        # Of conversations that the database refuses, while it takes others.
        self._problems_by_owner: dict[str, PaddockError] = {}
        self._state_number = 0
        self._wake = threading.Event()
        self._is_closing = False
        self._save_lock = threading.RLock()
        self._thread = threading.Thread(target=self._save_until_closed, name="paddock-saver", daemon=True)

    def start(self) -> Autosaver:
        """Start the thread. Return self."""
        self._thread.start()
        return self

    @property
    def problem(self) -> PaddockError | None:
        """Why something is not saved at the moment, None if everything is."""
        return self._problem

    def problem_of(self, owner: str) -> PaddockError | None:
        """Return why something of that owner is not saved at the moment, None if everything is."""
        problem = self._problem
        if problem is None or problem.retryable or not self._problems_by_owner:
            return problem
        return self._problems_by_owner.get(owner)

    @property
    def state_number(self) -> int:
        """Another number whenever the problem of any owner is another one."""
        return self._state_number

    def is_saved(self, snapshot: Snapshot) -> bool:
        """Return True if the database holds exactly this: it may be dropped from memory then."""
        old = self._written.get(snapshot.conversation.id)
        return (
            old is not None
            and old.owner == snapshot.owner
            and old.conversation is snapshot.conversation
            and old.settings is snapshot.settings
            and [(answer.message_id, answer.text) for answer in old.unfinished]
            == [(answer.message_id, answer.text) for answer in snapshot.unfinished]
        )

    def close(self, timeout: float = 10.0) -> bool:
        """Write what is left and end the thread. Return False if that did not succeed in ``timeout`` seconds."""
        self._is_closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive() and self._problem is None

    def wake(self) -> None:
        """Save at once instead of after the interval: something has begun or ended that may have been paid."""
        self._wake.set()

    def paused(self) -> AbstractContextManager[object]:
        """Let only the caller's thread save inside."""
        return self._save_lock

    def save(self) -> bool:
        """Write what changed, in the caller's thread. Return True if all of it was written."""
        with self._save_lock:
            before = self._state()
            refused: dict[str, PaddockError] = {}
            try:
                problem = self._save(refused)
                # The problem may be shown for long. Its traceback would keep conversations in memory.
                if problem is not None:
                    problem.with_traceback(None).__context__ = None
                self._problem = problem
            # A bug must not end the thread. It is shown until a round succeeds.
            except Exception as error:
                self._problem = PaddockError(
                    f"Paddock itself failed while saving ({type(error).__name__}).",
                    advice="Conversations are kept in memory. Please report this.",
                )
                refused = {}
            self._problems_by_owner = refused
            self._state_number += self._state() != before
            return self._problem is None

    def refresh(self, snapshot: Snapshot) -> None:
        """Save a conversation, and merge what another server has saved of it. The next save reports errors."""
        with self._save_lock, suppress(PaddockError):
            self._save_snapshot(snapshot)

    def _state(self) -> list[tuple[str, str]]:
        """Return what pages show, for whom."""
        problems = self._problems_by_owner | ({} if self._problem is None else {"": self._problem})
        return [(owner, f"{problem} {problem.advice}") for owner, problem in problems.items()]

    def _save_until_closed(self) -> None:
        pause = self._interval
        while True:
            self._wake.wait(pause)
            self._wake.clear()
            # Read before saving: the last round then includes everything from before close().
            is_last = self._is_closing
            pause = self._interval if self.save() else min(2 * pause, self._max_pause)
            if is_last:
                return

    def _save(self, refused: dict[str, PaddockError]) -> PaddockError | None:
        """Write what changed. Return the last problem; those of single ones go into ``refused``, by owner."""
        problem: PaddockError | None = None
        database = self._store.database
        try:
            # Costs nothing while the database is open, and notices if its file is gone.
            database.open()
            if self._must_recover:
                self._store.conversations.recover(is_start=True)
                self._must_recover = False
        except PaddockError as error:
            return error
        present = set()
        for snapshot in list(self._snapshots()):
            id = snapshot.conversation.id
            present.add(id)
            # After the database was opened again, it may be another one or an older copy.
            if self._generation != database.generation:
                self._generation = database.generation
                self._written.clear()
            if self.is_saved(snapshot):
                continue
            try:
                self._save_snapshot(snapshot)
            except PaddockError as error:
                problem = error
                # The whole database fails: do not let every other conversation wait for its timeout.
                if error.retryable:
                    return problem
                refused[snapshot.owner] = error.with_traceback(None)
        for id in self._written.keys() - present:
            del self._written[id]
            self._store.conversations.release_answers(id)
        return problem

    def _save_snapshot(self, snapshot: Snapshot) -> None:
        stored, other = self._store.conversations.save(
            snapshot.owner, snapshot.conversation, snapshot.settings, snapshot.unfinished
        )
        is_same = stored.conversation is snapshot.conversation and stored.settings is snapshot.settings
        if not is_same or other is not None:
            self._on_merge(snapshot, stored, other)
        self._written[stored.conversation.id] = stored
