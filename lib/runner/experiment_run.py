"""Batch: one run of an experiment. The page watches it; it goes on when nobody does."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from lib.api.backend import Backend
from lib.api.client import WorkersAI
from lib.chat.answer_accumulator import fault
from lib.errors import BadInput, PaddockError
from lib.experiment import plan_grid
from lib.experiment.checks.check_kinds import Judge
from lib.experiment.plan import Limits, Plan
from lib.experiment.results.cell_result import Result, Status
from lib.model.model_record import Model
from lib.runner.budget import Budget
from lib.runner.cell_queue import Agenda
from lib.runner.concurrency_limit import Gate
from lib.runner.progress import Progress, State
from lib.runner.rate_limit import Pace
from lib.runner.recovery import budgeted, remembered
from lib.runner.result_counters import Tally
from lib.runner.result_journal import Journal
from lib.runner.worker import Crew, Worker, hands
from lib.store import RunEntry, SavedRun, Store, Stored


class Batch:
    """Asks every cell of a plan, with threads of its own. Every method is safe from any thread and returns at once.

    From the registry: ``registry().new_batch(owner, experiment_id, plan)`` makes one (state READY), and
    ``registry().batch(owner, id)`` finds it again, also after a restart; None where that owner has none of that id.
    """

    def __init__(
        self,
        client: WorkersAI,
        store: Store,
        model: Model,
        owner: str,
        saved: SavedRun,
        cells: Iterable[Stored] = (),
    ) -> None:
        """A run as it was saved, with the cells that were asked until then. Reads and writes nothing."""
        entry = saved.entry
        self.id = entry.id
        self.owner = owner
        self.experiment = entry.experiment
        self.plan = saved.plan
        self.model = model
        self._client = client
        self._store = store
        self._limits = saved.limits
        self._backend, self._billed = entry.backend, entry.billed
        self._state = State.INTERRUPTED if entry.state == State.RUNNING.value else State(entry.state)
        self._error = entry.error
        self._tally = Tally(plan_grid.count(saved.plan))
        memory = remembered(saved.plan, entry.billed, cells)
        self._tally.put(memory.results)
        self._pace = Pace(saved.limits.per_minute)
        self._budget = Budget(saved.limits, budgeted(memory))
        self._agenda = Agenda(model, saved.plan, lambda asked: store.answers(owner, asked))
        self._agenda.resume(memory.rows, memory.again)
        self._journal = Journal(store, owner, entry.id, self._tally.put)
        self._journal.resume(set(memory.rows), memory.position)
        self._crew: Crew | None = None
        self._workers: list[Worker] = []
        self._lead: threading.Thread | None = None
        self._lock = threading.RLock()
        self._began, self._seconds = 0.0, 0.0  # of this start, and of those before it

    @property
    def state(self) -> State:
        """What it does at the moment."""
        return self._state

    @property
    def limits(self) -> Limits:
        """What it may take, as last set."""
        return self._limits

    @property
    def backend(self) -> str:
        """The name of where it asks, empty before its start."""
        return self._backend

    def set_limits(self, limits: Limits) -> None:
        """Another pace, budget or number at a time, from now on. A batch that its budget ended goes on by resume().

        More at a time count from the next start.
        """
        with self._lock:
            self._limits = limits
            self._pace.set(limits.per_minute)
            self._budget.set(limits)
            if self._crew is not None:
                self._crew.gate.wake()
            self._save()

    def start(self, backend: Backend) -> None:
        """Begin, or go on from any state but DONE. Raises BadInput where it began on another kind of backend."""
        with self._lock:
            if self._state in (State.RUNNING, State.DONE):
                return
            self._check(backend)
            self._backend, self._billed = backend.name, backend.billed
            self._agenda.begin(backend)
            self._state, self._error = State.RUNNING, None
            self._began = time.monotonic()
            crew = Crew(
                self._client,
                backend,
                self.model,
                self.plan,
                lambda: self._limits,
                self._agenda,
                self._pace,
                self._budget,
                self._journal,
                lambda error: self._halt(crew, error),
                Gate(lambda: self._limits.concurrency),
            )
            self._crew = crew
            self._lead = threading.Thread(
                target=self._work, args=(crew, self._lead), name="paddock-batch", daemon=True
            )
            self._lead.start()

    def _check(self, backend: Backend) -> None:
        if self._backend and (self._billed, self._backend) != (backend.billed, backend.name):
            raise BadInput(
                f"This run was asked of “{self._backend}”, not of “{backend.name}”.",
                advice="Connect to that one again, or start a new run: answers of two do not compare.",
            )

    def pause(self) -> None:
        """Send nothing more; what is on its way is waited for and kept."""
        self._end(State.PAUSED)

    def resume(self, backend: Backend) -> None:
        """The same as start()."""
        self.start(backend)

    def stop(self) -> None:
        """End at once. What is on its way is cut off: it may have been paid, so it is in doubt where that costs."""
        with self._lock:
            if self._state is not State.RUNNING and not self.at_work:
                return
            self._end(State.STOPPED)
            for worker in self._workers:
                worker.cut()

    def ask_again(self, backend: Backend) -> None:
        """Ask the cells that failed or are in doubt once more, and the judges that could not be asked.

        What they may have cost stays counted. Raises BadInput as start() does.
        """
        with self._lock:
            self._check(backend)
            chosen = [result for result in self._tally.latest() if self._open(result)]
            self._agenda.again(chosen)
            self._tally.forget(chosen)
            if self._state is State.DONE and chosen:
                self._state = State.PAUSED
            self.start(backend)

    def _open(self, result: Result) -> bool:
        if result.status is not Status.ANSWERED:
            return True
        return any(
            isinstance(check, Judge) and outcome.passed is None
            for check, outcome in zip(self.plan.checks, result.outcomes, strict=False)
        )

    def rate(self, number: int, rating: int | None) -> None:
        """A person's opinion of that cell's answer, 1 to 5, or none any more. Raises StorageFailed."""
        result = self._tally.of(number)
        if result is not None and self._store.rate(self.owner, self.id, number, rating):
            self._tally.put([replace(result, rating=rating)])

    def progress(self) -> Progress:
        """How far it is."""
        crew, state = self._crew, self._state
        spent, counts, limits = self._budget.spent, self._tally.counts, self._limits
        sending = 0 if crew is None else crew.gate.inside
        waiting = ""
        if state is State.RUNNING:
            problem = self._journal.problem
            waiting = problem.message if problem is not None else self._pace.waiting
        pace = self._pace.now
        return Progress(
            state=state,
            cells=self._tally.cells,
            answered=counts.answered,
            failed=counts.failed,
            doubtful=counts.doubtful,
            stored=counts.stored,
            in_flight=sending,
            requests=self._budget.settled + sending,
            dollars=spent.dollars,
            uncertain=spent.uncertain,
            reserved=spent.reserved,
            per_minute=limits.per_minute,
            pace=pace,
            seconds=self._seconds + (time.monotonic() - self._began if state is State.RUNNING else 0.0),
            seconds_left=self._tally.seconds_left(pace) if state is State.RUNNING else None,
            waiting=waiting,
            error=self._error,
        )

    def results(self, since: int = 0) -> list[Result]:
        """What came, in the order it came, from that place in the list on; without a lock.

        The list only grows. A cell may come again (rated, asked again): the later one counts.
        """
        return self._tally.results[since:]

    def latest(self) -> list[Result]:
        """Each cell's result as it is now, in the order of their numbers."""
        return self._tally.latest()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it rests; False where it still runs after that many seconds."""
        lead = self._lead
        if lead is not None:
            lead.join(timeout)
        return not self.at_work

    def interrupt(self) -> None:
        """The process ends: send nothing more; join() waits for what is on its way. It can be resumed."""
        self._end(State.INTERRUPTED)

    @property
    def at_work(self) -> bool:
        """Whether it runs, or still waits for answers that were asked before it was paused."""
        return self._lead is not None and self._lead.is_alive()

    def _end(self, state: State, error: PaddockError | None = None) -> None:
        with self._lock:
            if self._state is not State.RUNNING and not (state is State.STOPPED and self.at_work):
                return
            self._state, self._error = state, error
            if self._crew is not None:
                self._crew.ended.set()
                self._crew.gate.wake()
            self._pace.wake()
            self._budget.wake()

    def _halt(self, crew: Crew, error: PaddockError | None) -> None:
        """A worker ends them all. ``error`` None: the budget is used up."""
        with self._lock:
            if crew is not self._crew:
                return
            if error is None:
                self._end(State.BUDGET)
            else:
                self._end(State.FAILED if error is self._journal.broken else State.PAUSED, error)

    def _work(self, crew: Crew, before: threading.Thread | None) -> None:
        """Leads one start from its beginning to its end."""
        if before is not None:
            before.join()  # those of the last start may still be waiting for an answer
        try:
            self._journal.open()
            self._save()
            while self._recruit(crew):
                for worker in self._workers:
                    worker.join()
        except Exception as failed:
            self._end(State.FAILED, fault(failed))
        self._save()
        self._journal.close()

    def _recruit(self, crew: Crew) -> bool:
        """Put the crew to work, again where more was put on the agenda. False where this start is at its end."""
        with self._lock:
            self._workers = []
            if self._state is State.RUNNING and crew is self._crew:
                if not self._agenda.empty:
                    self._workers = [Worker(crew, number).start() for number in range(hands(self._limits))]
                    return True
                self._state = State.DONE
            if crew is self._crew:
                self._seconds += time.monotonic() - self._began
                self._crew = None  # and with it the token
            return False

    def _save(self) -> None:
        """Have written down where it stands, by the journal if that is at work. Raises StorageFailed if not."""
        with self._lock:
            state, error, backend, billed, limits = (
                self._state,
                self._error,
                self._backend,
                self._billed,
                self._limits,
            )

        def write() -> object:
            return self._store.change_run(
                self.owner,
                self.id,
                state=state.value,
                error=error,
                backend=backend,
                billed=billed,
                limits=limits,
            )

        if self.at_work:
            self._journal.note(write)
        else:
            write()


def new(store: Store, client: WorkersAI, model: Model, owner: str, experiment: str, plan: Plan) -> Batch:
    """A new run of one of the owner's experiments, not started. Raises StorageFailed."""
    entry = RunEntry(
        uuid.uuid4().hex,
        experiment,
        model.id,
        "",
        billed=False,
        state=State.READY.value,
        cells=plan_grid.count(plan),
        started=datetime.now(UTC),
    )
    saved = SavedRun(entry, plan, plan.limits)
    store.put_run(owner, saved)
    return Batch(client, store, model, owner, saved)
