"""Journal: the one thread that writes a batch down, all that has gathered in one transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lib.chat.answer_accumulator import internal_error, strip_traceback
from lib.errors import PaddockError
from lib.experiment.results.cell_result import Result
from lib.store import CellChange, Store

RETRY_SECONDS, MAX_RETRY_SECONDS = 0.5, 8.0  # seconds before a failed write is tried again
# Seconds in which others join a transaction: one costs as much as the writing of five cells. Whoever waits for it is
# one of the spare workers, so that nothing is sent later for it.
GATHER_SECONDS = 0.003

RunWrite = Callable[[], object]


class PendingWrite:
    """A change that is not written yet."""

    def __init__(self) -> None:
        self.is_written = False
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self) -> bool:
        """Wait until it is in the database. False where it will never be."""
        self._lock.acquire()
        return self.is_written

    def finish(self, written: bool) -> None:
        """It is written, or will never be."""
        self.is_written = written
        self._lock.release()


class ResultJournal:
    """``on_written`` is told each result once it is safe, in the journal's thread.

    While the database fails, changes gather and are tried again: nothing is sent meanwhile, for whoever would send
    waits for his ticket. ``broken`` is why it gave up, if so: the run was deleted, or somebody else works on it.
    """

    def __init__(
        self, store: Store, owner: str, run: str, on_written: Callable[[list[Result]], None]
    ) -> None:
        self.fatal_error: PaddockError | None = None
        self.temporary_error: PaddockError | None = None  # for the moment
        self._store = store
        self._owner = owner
        self._run = run
        self._on_written = on_written
        self._known: set[int] = set()  # the cells that have a row
        self._position = 0
        self._changes: dict[int, CellChange] = {}
        self._results: list[Result] = []
        self._tickets: list[PendingWrite] = []
        self._note: RunWrite | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()  # write what is left, then end

    def restore(self, known: set[int], position: int) -> None:
        """What is in the database already: the cells that have a row, and the last position."""
        self._known, self._position = known, position

    def open(self) -> None:
        """Begin, unless it has."""
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self.fatal_error = None
                self._closing.clear()
                self._thread = threading.Thread(target=self._work, name="paddock-journal", daemon=True)
                self._thread.start()

    def close(self, timeout: float | None = None) -> bool:
        """Write what is left, and end. False where that did not succeed in time."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def claim(self, result: Result, fingerprint: str | None, judged: bool = False) -> PendingWrite:
        """A request is about to be sent for that cell: to be waited for."""
        ticket = PendingWrite()
        with self._changed:
            if self.fatal_error is not None:
                ticket.finish(written=False)
                return ticket
            self._put(result, fingerprint, judged, waiting=False)
            self._tickets.append(ticket)
        return ticket

    def write(
        self, result: Result, fingerprint: str | None, *, judged: bool = True, waiting: bool = False
    ) -> None:
        """What became of a cell. ``waiting``: it is to be asked again; not ``judged``: its checks are to be made."""
        with self._changed:
            self._put(result, fingerprint, judged, waiting)
            if judged and not waiting:
                self._results.append(result)

    def write_run(self, write: RunWrite) -> None:
        """Something else to be written, in the place of what was noted before and is not written yet."""
        with self._changed:
            self._note = write
            self._changed.notify_all()

    def _put(self, result: Result, fingerprint: str | None, judged: bool, waiting: bool) -> None:
        number = result.cell.number
        self._position += 1
        fresh = number not in self._known
        self._changes[number] = CellChange(result, self._position, fresh, fingerprint, judged, waiting)
        self._changed.notify_all()

    def _work(self) -> None:
        pause = RETRY_SECONDS
        while True:
            with self._changed:
                while not (self._changes or self._note or self._closing.is_set()):
                    self._changed.wait()
            time.sleep(GATHER_SECONDS)
            with self._changed:
                taken = self._changes, self._results, self._tickets, self._note
                self._changes, self._results, self._tickets, self._note = {}, [], [], None
            changes, results, tickets, note = taken
            if not changes and note is None:
                return
            try:
                if changes:
                    self._store.cells.write(self._owner, self._run, list(changes.values()))
                if note is not None:
                    note()
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
            self._known.update(changes)
            if results:
                self._on_written(results)
            for ticket in tickets:
                ticket.finish(written=True)

    def _take_back(
        self,
        changes: dict[int, CellChange],
        results: list[Result],
        tickets: list[PendingWrite],
        note: RunWrite | None,
    ) -> None:
        """What could not be written waits again, before what has come meanwhile."""
        with self._changed:
            self._changes = changes | self._changes
            self._results = results + self._results
            self._tickets = tickets + self._tickets
            self._note = self._note or note

    def _give_up(self, error: PaddockError, tickets: list[PendingWrite]) -> None:
        with self._changed:
            self.fatal_error = error
            tickets = tickets + self._tickets
            self._changes, self._results, self._tickets, self._note = {}, [], [], None
        for ticket in tickets:
            ticket.finish(written=False)
