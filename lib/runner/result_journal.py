"""Write a run's results to the database, in one thread and with many changes in one transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from lib.chat.answer_accumulator import internal_error, strip_traceback
from lib.errors import PaddockError
from lib.experiment.results.cell_result import Result
from lib.store.store import Store
from lib.store.stored_values import CellChange

RETRY_SECONDS, MAX_RETRY_SECONDS = 0.5, 8.0  # seconds before a failed write is retried
# Seconds for more changes to join a transaction, which costs as much as writing five cells. The spare workers wait
# for it, so no request is sent later because of it.
GATHER_SECONDS = 0.003


@dataclass
class _Batch:
    """Changes that are not in the database yet.

    A claim's future is True once the claim is in the database, False if it never will be.
    """

    changes: dict[int, CellChange] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    claims: list[Future[bool]] = field(default_factory=list)
    run_write: Callable[[], object] | None = None

    def followed_by(self, later: _Batch) -> _Batch:
        """Return both as one; of two changes of the same cell or of the run, the later counts."""
        return _Batch(
            self.changes | later.changes,
            self.results + later.results,
            self.claims + later.claims,
            later.run_write or self.run_write,
        )


class ResultJournal:
    """Writes changes in a thread of its own, and calls ``on_written`` there with each result that is saved.

    While the database fails, changes are collected and retried. No request is sent meanwhile, because its worker
    waits for the claim. ``temporary_error`` is that failure; ``fatal_error`` is why the journal gave up: the run was
    deleted, or another process works on it.
    """

    def __init__(
        self, store: Store, owner: str, run: str, on_written: Callable[[list[Result]], None]
    ) -> None:
        self.fatal_error: PaddockError | None = None
        self.temporary_error: PaddockError | None = None
        self._store = store
        self._owner = owner
        self._run = run
        self._on_written = on_written
        self._saved_numbers: set[int] = set()  # numbers of the cells with a row
        self._position = 0
        self._batch = _Batch()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def restore(self, saved_numbers: set[int], position: int) -> None:
        """Take over what the database holds: the numbers of the cells with a row, and the last position."""
        self._saved_numbers, self._position = saved_numbers, position

    @property
    def position(self) -> int:
        """The position of the last change."""
        return self._position

    def open(self) -> None:
        """Start the thread, unless it runs."""
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self.fatal_error = None
                self._closing.clear()
                self._thread = threading.Thread(
                    target=self._write_until_closed, name="paddock-journal", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Write the remaining changes and end the thread."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def claim(self, result: Result, fingerprint: str | None) -> Future[bool]:
        """Write that a request for the cell is about to be sent.

        The caller waits until the future is True. It is False if the claim never will be in the database.
        """
        claim: Future[bool] = Future()
        with self._changed:
            if self.fatal_error is None:
                self._add_change(result, fingerprint, judged=False)
                self._batch.claims.append(claim)
                return claim
        claim.set_result(False)
        return claim

    def write(self, result: Result, fingerprint: str | None, *, waiting: bool = False) -> None:
        """Write a cell's result. ``waiting``: it is sent again, or its checks are not evaluated yet."""
        with self._changed:
            self._add_change(result, fingerprint, judged=not waiting, waiting=waiting)
            if not waiting:
                self._batch.results.append(result)

    def write_run(self, write: Callable[[], object]) -> None:
        """Write something about the run; replaces an earlier call that is not written yet."""
        with self._changed:
            self._batch.run_write = write
            self._changed.notify_all()

    def _add_change(
        self, result: Result, fingerprint: str | None, *, judged: bool, waiting: bool = False
    ) -> None:
        self._position += 1
        change = CellChange(result, self._position, fingerprint, judged, waiting)
        self._batch.changes[result.cell.number] = change
        self._changed.notify_all()

    def _write_until_closed(self) -> None:
        pause = RETRY_SECONDS
        while True:
            with self._changed:
                while not (self._batch.changes or self._batch.run_write or self._closing.is_set()):
                    self._changed.wait()
            time.sleep(GATHER_SECONDS)
            with self._changed:
                batch, self._batch = self._batch, _Batch()
            if not batch.changes and batch.run_write is None:
                return
            try:
                if batch.changes:
                    self._store.cells.write(
                        self._owner, self._run, batch.changes.values(), self._saved_numbers
                    )
                if batch.run_write is not None:
                    batch.run_write()
            except Exception as failed:
                error = (
                    strip_traceback(failed) if isinstance(failed, PaddockError) else internal_error(failed)
                )
                if not isinstance(failed, PaddockError) or not failed.retryable:
                    self._give_up(error, batch)
                    return
                self.temporary_error = error
                with self._changed:
                    self._batch = batch.followed_by(self._batch)
                time.sleep(pause)
                pause = min(2 * pause, MAX_RETRY_SECONDS)
                continue
            self.temporary_error, pause = None, RETRY_SECONDS
            self._saved_numbers.update(batch.changes)
            if batch.results:
                self._on_written(batch.results)
            for claim in batch.claims:
                claim.set_result(True)

    def _give_up(self, error: PaddockError, batch: _Batch) -> None:
        with self._changed:
            self.fatal_error = error
            batch = batch.followed_by(self._batch)
            self._batch = _Batch()
        for claim in batch.claims:
            claim.set_result(False)
