"""Journal: the one thread that writes a batch down, all that has gathered in one transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lib.chat.answer_accumulator import bare, fault
from lib.errors import PaddockError
from lib.experiment.results.cell_result import Result
from lib.store import Change, Store

PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds before a failed write is tried again
# Seconds in which others join a transaction: one costs as much as the writing of five cells. Whoever waits for it is
# one of the spare workers, so that nothing is sent later for it.
GATHER = 0.003

Note = Callable[[], object]


class Ticket:
    """A change that is not written yet."""

    def __init__(self) -> None:
        self.written = False
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self) -> bool:
        """Wait until it is in the database. False where it will never be."""
        self._lock.acquire()
        return self.written

    def settle(self, written: bool) -> None:
        """It is written, or will never be."""
        self.written = written
        self._lock.release()


class Journal:
    """``on_written`` is told each result once it is safe, in the journal's thread.

    While the database fails, changes gather and are tried again: nothing is sent meanwhile, for whoever would send
    waits for his ticket. ``broken`` is why it gave up, if so: the run was deleted, or somebody else works on it.
    """

    def __init__(
        self, store: Store, owner: str, run: str, on_written: Callable[[list[Result]], None]
    ) -> None:
        self.broken: PaddockError | None = None
        self.problem: PaddockError | None = None  # for the moment
        self._store = store
        self._owner = owner
        self._run = run
        self._on_written = on_written
        self._known: set[int] = set()  # the cells that have a row
        self._position = 0
        self._changes: dict[int, Change] = {}
        self._results: list[Result] = []
        self._tickets: list[Ticket] = []
        self._note: Note | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()  # write what is left, then end

    def resume(self, known: set[int], position: int) -> None:
        """What is in the database already: the cells that have a row, and the last position."""
        self._known, self._position = known, position

    def open(self) -> None:
        """Begin, unless it has."""
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self.broken = None
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

    def claim(self, result: Result, fingerprint: str | None, judged: bool = False) -> Ticket:
        """A request is about to be sent for that cell: to be waited for."""
        ticket = Ticket()
        with self._changed:
            if self.broken is not None:
                ticket.settle(written=False)
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

    def note(self, write: Note) -> None:
        """Something else to be written, in the place of what was noted before and is not written yet."""
        with self._changed:
            self._note = write
            self._changed.notify_all()

    def _put(self, result: Result, fingerprint: str | None, judged: bool, waiting: bool) -> None:
        number = result.cell.number
        self._position += 1
        fresh = number not in self._known
        self._changes[number] = Change(result, self._position, fresh, fingerprint, judged, waiting)
        self._changed.notify_all()

    def _work(self) -> None:
        pause = PAUSE
        while True:
            with self._changed:
                while not (self._changes or self._note or self._closing.is_set()):
                    self._changed.wait()
            time.sleep(GATHER)
            with self._changed:
                taken = self._changes, self._results, self._tickets, self._note
                self._changes, self._results, self._tickets, self._note = {}, [], [], None
            changes, results, tickets, note = taken
            if not changes and note is None:
                return
            try:
                if changes:
                    self._store.write_cells(self._owner, self._run, list(changes.values()))
                if note is not None:
                    note()
            except Exception as error:
                if not isinstance(error, PaddockError) or not error.retryable:
                    self._break(bare(error) if isinstance(error, PaddockError) else fault(error), tickets)
                    return
                self.problem = bare(error)
                self._take_back(*taken)
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            self.problem, pause = None, PAUSE
            self._known.update(changes)
            if results:
                self._on_written(results)
            for ticket in tickets:
                ticket.settle(written=True)

    def _take_back(
        self, changes: dict[int, Change], results: list[Result], tickets: list[Ticket], note: Note | None
    ) -> None:
        """What could not be written waits again, before what has come meanwhile."""
        with self._changed:
            self._changes = changes | self._changes
            self._results = results + self._results
            self._tickets = tickets + self._tickets
            self._note = self._note or note

    def _break(self, error: PaddockError, tickets: list[Ticket]) -> None:
        with self._changed:
            self.broken = error
            tickets = tickets + self._tickets
            self._changes, self._results, self._tickets, self._note = {}, [], [], None
        for ticket in tickets:
            ticket.settle(written=False)
