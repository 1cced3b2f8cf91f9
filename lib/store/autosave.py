"""Saver: the one thread that writes conversations while they grow, and does not give up when the database fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from lib.errors import PaddockError
from lib.store import Snapshot, Store

INTERVAL = 0.4  # seconds: a killed server loses no more text than this, and the time of one write
MAX_PAUSE = 4.0


class Autosaver:
    """``snapshots`` gives every conversation as it is now; those that did not change cost nothing.

    What could not be written stays in memory, where it is, and is tried again. ``recovers``: see Store.recover();
    not where several servers share one database.
    """

    def __init__(
        self,
        store: Store,
        snapshots: Callable[[], Iterable[Snapshot]],
        interval: float = INTERVAL,
        longest_pause: float = MAX_PAUSE,
        recovers: bool = True,
    ) -> None:
        self._store = store
        self._snapshots = snapshots
        self._interval = interval
        self._longest_pause = longest_pause
        self._to_recover = recovers
        self._written: dict[str, Snapshot] = {}
        self._generation = 0
        self._problem: PaddockError | None = None
        self._wake = threading.Event()
        self._closing = False
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="paddock-saver", daemon=True)

    def start(self) -> Autosaver:
        """Begin. Returns the saver itself."""
        self._thread.start()
        return self

    @property
    def problem(self) -> PaddockError | None:
        """Why something is not saved at the moment, None where all is well."""
        return self._problem

    def is_saved(self, snapshot: Snapshot) -> bool:
        """Whether the database holds it as it is: memory may let go of it then."""
        return _is_unchanged(self._written.get(snapshot.conversation.id), snapshot)

    def close(self, timeout: float = 10.0) -> bool:
        """Write what is left and end. False where that did not succeed in time."""
        self._closing = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)
        return not self._thread.is_alive() and self._problem is None

    def save(self) -> bool:
        """Write what changed, now, in the caller's thread. True where all of it is written."""
        with self._turn:
            try:
                problem = self._save()
                if (
                    problem is not None
                ):  # kept for long: without where it came through, which holds conversations
                    problem.with_traceback(None).__context__ = None
                self._problem = problem
            except Exception as error:  # a bug must not end the saving; it is shown until a round succeeds
                self._problem = PaddockError(
                    f"Paddock itself failed while saving ({type(error).__name__}).",
                    advice="Conversations are kept in memory. Please report this.",
                )
            return self._problem is None

    def _work(self) -> None:
        pause = self._interval
        while True:
            self._wake.wait(pause)
            last = self._closing  # read before the round: what was there when it was set is in it
            pause = self._interval if self.save() else min(2 * pause, self._longest_pause)
            if last:
                return

    def _save(self) -> PaddockError | None:
        problem: PaddockError | None = None
        try:
            self._store.open()  # costs nothing while it is open, and notices where its file is gone
            if (
                self._to_recover
            ):  # now nothing of this process is in the database, so what runs there does not
                self._store.recover()
                self._to_recover = False
        except PaddockError as error:
            return error
        present = set()
        for snapshot in list(self._snapshots()):
            id = snapshot.conversation.id
            present.add(id)
            if self._generation != self._store.generation:  # the database was opened anew: nothing is certain
                self._generation = self._store.generation
                self._written.clear()
            if self.is_saved(snapshot):
                continue
            try:
                self._store.save(
                    snapshot.owner, snapshot.conversation, snapshot.settings, snapshot.unfinished
                )
            except PaddockError as error:
                problem = error
                if error.retryable:  # the whole database is in trouble: the others would wait for nothing
                    return problem
            else:
                self._written[id] = snapshot
        for id in self._written.keys() - present:
            del self._written[id]
        return problem


def _is_unchanged(old: Snapshot | None, new: Snapshot) -> bool:
    return (
        old is not None
        and old.owner == new.owner
        and old.conversation is new.conversation
        and old.settings is new.settings
        and [(live.message_id, live.text) for live in old.unfinished]
        == [(live.message_id, live.text) for live in new.unfinished]
    )
