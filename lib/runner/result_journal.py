"""Write a run's results to the database, in one thread and with many changes in one transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lib.chat.answer_accumulator import internal_error, strip_traceback
from lib.errors import PaddockError
from lib.experiment.results.cell_result import Result
from lib.store import CellChange, Store

RETRY_SECONDS, MAX_RETRY_SECONDS = 0.5, 8.0  # seconds before a failed write is retried
# Seconds for more changes to join a transaction, which costs as much as writing five cells. The spare workers wait
# for it, so no request is sent later because of it.
GATHER_SECONDS = 0.003

RunWrite = Callable[[], object]


class PendingWrite:
    """A change that is not in the database yet."""

    def __init__(self) -> None:
        self.is_written = False
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self) -> bool:
        """Wait until the change is in the database. Return False if it never will be."""
        self._lock.acquire()
        return self.is_written

    def finish(self, written: bool) -> None:
        """Release the waiting thread."""
        self.is_written = written
        self._lock.release()


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
        self._changes: dict[int, CellChange] = {}
        self._results: list[Result] = []
        self._tickets: list[PendingWrite] = []
        self._run_write: RunWrite | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def restore(self, saved_numbers: set[int], position: int) -> None:
        """Take over what the database holds: the numbers of the cells with a row, and the last position."""
        self._saved_numbers, self._position = saved_numbers, position

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

    def close(self, timeout: float | None = None) -> bool:
        """Write the remaining changes and end the thread. Return False if ``timeout`` seconds were not enough."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def claim(self, result: Result, fingerprint: str | None, judged: bool = False) -> PendingWrite:
        """Write that a request for the cell is about to be sent. The caller waits for the returned change."""
        ticket = PendingWrite()
        with self._changed:
            if self.fatal_error is not None:
                ticket.finish(written=False)
                return ticket
            self._add_change(result, fingerprint, judged, waiting=False)
            self._tickets.append(ticket)
        return ticket

    def write(
        self, result: Result, fingerprint: str | None, *, judged: bool = True, waiting: bool = False
    ) -> None:
        """Write a cell's result. ``waiting``: it is sent again; not ``judged``: its checks are not evaluated yet."""
        with self._changed:
            self._add_change(result, fingerprint, judged, waiting)
            if judged and not waiting:
                self._results.append(result)

    def write_run(self, write: RunWrite) -> None:
        """Write something about the run; replaces an earlier call that is not written yet."""
        with self._changed:
            self._run_write = write
            self._changed.notify_all()

    def _add_change(self, result: Result, fingerprint: str | None, judged: bool, waiting: bool) -> None:
        number = result.cell.number
        self._position += 1
        is_new = number not in self._saved_numbers
        self._changes[number] = CellChange(result, self._position, is_new, fingerprint, judged, waiting)
        self._changed.notify_all()

    def _write_until_closed(self) -> None:
        pause = RETRY_SECONDS
        while True:
            with self._changed:
                while not (self._changes or self._run_write or self._closing.is_set()):
                    self._changed.wait()
            time.sleep(GATHER_SECONDS)
            with self._changed:
                taken = self._changes, self._results, self._tickets, self._run_write
                self._changes, self._results, self._tickets, self._run_write = {}, [], [], None
            changes, results, tickets, run_write = taken
            if not changes and run_write is None:
                return
            try:
                if changes:
                    self._store.cells.write(self._owner, self._run, list(changes.values()))
                if run_write is not None:
                    run_write()
            except Exception as error:
                if not isinstance(error, PaddockError) or not error.retryable:
                    self._give_up(
                        strip_traceback(error) if isinstance(error, PaddockError) else internal_error(error),
                        tickets,
                    )
                    return
                self.temporary_error = strip_traceback(error)
                self._take_back(*taken)
                time.sleep(pause)
                pause = min(2 * pause, MAX_RETRY_SECONDS)
                continue
            self.temporary_error, pause = None, RETRY_SECONDS
            self._saved_numbers.update(changes)
            if results:
                self._on_written(results)
            for ticket in tickets:
                ticket.finish(written=True)

    def _take_back(
        self,
        changes: dict[int, CellChange],
        results: list[Result],
        tickets: list[PendingWrite],
        run_write: RunWrite | None,
    ) -> None:
        """Put failed changes back, before those of the meantime."""
        with self._changed:
            self._changes = changes | self._changes
            self._results = results + self._results
            self._tickets = tickets + self._tickets
            self._run_write = self._run_write or run_write

    def _give_up(self, error: PaddockError, tickets: list[PendingWrite]) -> None:
        with self._changed:
            self.fatal_error = error
            tickets = tickets + self._tickets
            self._changes, self._results, self._tickets, self._run_write = {}, [], [], None
        for ticket in tickets:
            ticket.finish(written=False)
