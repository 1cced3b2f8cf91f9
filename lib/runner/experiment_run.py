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
from lib.chat.answer_accumulator import internal_error
from lib.errors import BadInput, PaddockError
from lib.experiment import plan_grid
from lib.experiment.checks.check_kinds import Judge
from lib.experiment.plan import Limits, Plan
from lib.experiment.results.cell_result import Result, Status
from lib.model.model_record import Model
from lib.runner.budget import Budget
from lib.runner.cell_queue import CellQueue
from lib.runner.concurrency_limit import ConcurrencyLimit
from lib.runner.progress import RunProgress, RunState
from lib.runner.rate_limit import RateLimiter
from lib.runner.recovery import recover_cells, recovered_spending
from lib.runner.result_counters import ResultCounters
from lib.runner.result_journal import ResultJournal
from lib.runner.worker import Worker, WorkerContext, worker_count
from lib.store import RunEntry, SavedRun, Store, StoredCell


class ExperimentRun:
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
        cells: Iterable[StoredCell] = (),
    ) -> None:
        """A run as it was saved, with the cells that were asked until then. Reads and writes nothing."""
        entry = saved.entry
        self.id = entry.id
        self.owner = owner
        self.experiment = entry.experiment_id
        self.plan = saved.plan
        self.model = model
        self._client = client
        self._store = store
        self._limits = saved.limits
        self._backend, self._billed = entry.backend, entry.billed
        self._state = RunState.INTERRUPTED if entry.state == RunState.RUNNING.value else RunState(entry.state)
        self._error = entry.error
        self._tally = ResultCounters(plan_grid.count_cells(saved.plan))
        memory = recover_cells(saved.plan, entry.billed, cells)
        self._tally.add(memory.results)
        self._pace = RateLimiter(saved.limits.per_minute)
        self._budget = Budget(saved.limits, recovered_spending(memory))
        self._agenda = CellQueue(model, saved.plan, lambda asked: store.cells.find_answers(owner, asked))
        self._agenda.restore(memory.saved_numbers, memory.to_ask)
        self._journal = ResultJournal(store, owner, entry.id, self._tally.add)
        self._journal.restore(set(memory.saved_numbers), memory.last_position)
        self._crew: WorkerContext | None = None
        self._workers: list[Worker] = []
        self._lead: threading.Thread | None = None
        self._lock = threading.RLock()
        self._began, self._seconds = 0.0, 0.0  # of this start, and of those before it

    @property
    def state(self) -> RunState:
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
            self._pace.set_rate(limits.per_minute)
            self._budget.set_limits(limits)
            if self._crew is not None:
                self._crew.concurrency_limit.wake()
            self._save()

    def start(self, backend: Backend) -> None:
        """Begin, or go on from any state but DONE. Raises BadInput where it began on another kind of backend."""
        with self._lock:
            if self._state in (RunState.RUNNING, RunState.DONE):
                return
            self._check_backend(backend)
            self._backend, self._billed = backend.name, backend.billed
            self._agenda.set_backend(backend)
            self._state, self._error = RunState.RUNNING, None
            self._began = time.monotonic()
            crew = WorkerContext(
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
                ConcurrencyLimit(lambda: self._limits.concurrency),
            )
            self._crew = crew
            self._lead = threading.Thread(
                target=self._work, args=(crew, self._lead), name="paddock-batch", daemon=True
            )
            self._lead.start()

    def _check_backend(self, backend: Backend) -> None:
        if self._backend and (self._billed, self._backend) != (backend.billed, backend.name):
            raise BadInput(
                f"This run was asked of “{self._backend}”, not of “{backend.name}”.",
                advice="Connect to that one again, or start a new run: answers of two do not compare.",
            )

    def pause(self) -> None:
        """Send nothing more; what is on its way is waited for and kept."""
        self._end(RunState.PAUSED)

    def resume(self, backend: Backend) -> None:
        """The same as start()."""
        self.start(backend)

    def stop(self) -> None:
        """End at once. What is on its way is cut off: it may have been paid, so it is in doubt where that costs."""
        with self._lock:
            if self._state is not RunState.RUNNING and not self.is_working:
                return
            self._end(RunState.STOPPED)
            for worker in self._workers:
                worker.cancel()

    def retry_unfinished(self, backend: Backend) -> None:
        """Ask the cells that failed or are in doubt once more, and the judges that could not be asked.

        What they may have cost stays counted. Raises BadInput as start() does.
        """
        with self._lock:
            self._check_backend(backend)
            chosen = [result for result in self._tally.latest() if self._is_unfinished(result)]
            self._agenda.requeue(chosen)
            self._tally.forget(chosen)
            if self._state is RunState.DONE and chosen:
                self._state = RunState.PAUSED
            self.start(backend)

    def _is_unfinished(self, result: Result) -> bool:
        if result.status is not Status.ANSWERED:
            return True
        return any(
            isinstance(check, Judge) and outcome.passed is None
            for check, outcome in zip(self.plan.checks, result.outcomes, strict=False)
        )

    def rate(self, number: int, rating: int | None) -> None:
        """A person's opinion of that cell's answer, 1 to 5, or none any more. Raises StorageFailed."""
        result = self._tally.get(number)
        if result is not None and self._store.cells.rate(self.owner, self.id, number, rating):
            self._tally.add([replace(result, rating=rating)])

    def progress(self) -> RunProgress:
        """How far it is."""
        crew, state = self._crew, self._state
        spent, counts, limits = self._budget.spending, self._tally.counts, self._limits
        sending = 0 if crew is None else crew.concurrency_limit.in_flight
        waiting = ""
        if state is RunState.RUNNING:
            problem = self._journal.temporary_error
            waiting = problem.message if problem is not None else self._pace.waiting_reason
        pace = self._pace.current_rate
        return RunProgress(
            state=state,
            cells=self._tally.cells,
            answered=counts.answered,
            failed=counts.failed,
            doubtful=counts.doubtful,
            stored=counts.stored,
            in_flight=sending,
            requests=self._budget.settled_requests + sending,
            dollars=spent.dollars,
            uncertain=spent.uncertain,
            reserved=spent.reserved,
            per_minute=limits.per_minute,
            pace=pace,
            seconds=self._seconds + (time.monotonic() - self._began if state is RunState.RUNNING else 0.0),
            seconds_left=self._tally.seconds_left(pace) if state is RunState.RUNNING else None,
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
        return not self.is_working

    def interrupt(self) -> None:
        """The process ends: send nothing more; join() waits for what is on its way. It can be resumed."""
        self._end(RunState.INTERRUPTED)

    @property
    def is_working(self) -> bool:
        """Whether it runs, or still waits for answers that were asked before it was paused."""
        return self._lead is not None and self._lead.is_alive()

    def _end(self, state: RunState, error: PaddockError | None = None) -> None:
        with self._lock:
            if self._state is not RunState.RUNNING and not (state is RunState.STOPPED and self.is_working):
                return
            self._state, self._error = state, error
            if self._crew is not None:
                self._crew.ended.set()
                self._crew.concurrency_limit.wake()
            self._pace.wake()
            self._budget.wake()

    def _halt(self, crew: WorkerContext, error: PaddockError | None) -> None:
        """A worker ends them all. ``error`` None: the budget is used up."""
        with self._lock:
            if crew is not self._crew:
                return
            if error is None:
                self._end(RunState.BUDGET)
            else:
                self._end(RunState.FAILED if error is self._journal.fatal_error else RunState.PAUSED, error)

    def _work(self, crew: WorkerContext, before: threading.Thread | None) -> None:
        """Leads one start from its beginning to its end."""
        if before is not None:
            before.join()  # those of the last start may still be waiting for an answer
        try:
            self._journal.open()
            self._save()
            while self._start_workers(crew):
                for worker in self._workers:
                    worker.join()
        except Exception as failed:
            self._end(RunState.FAILED, internal_error(failed))
        self._save()
        self._journal.close()

    def _start_workers(self, crew: WorkerContext) -> bool:
        """Put the crew to work, again where more was put on the agenda. False where this start is at its end."""
        with self._lock:
            self._workers = []
            if self._state is RunState.RUNNING and crew is self._crew:
                if not self._agenda.is_empty:
                    self._workers = [
                        Worker(crew, number).start() for number in range(worker_count(self._limits))
                    ]
                    return True
                self._state = RunState.DONE
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
            return self._store.runs.update(
                self.owner,
                self.id,
                state=state.value,
                error=error,
                backend=backend,
                billed=billed,
                limits=limits,
            )

        if self.is_working:
            self._journal.write_run(write)
        else:
            write()


def create_run(
    store: Store, client: WorkersAI, model: Model, owner: str, experiment: str, plan: Plan
) -> ExperimentRun:
    """A new run of one of the owner's experiments, not started. Raises StorageFailed."""
    entry = RunEntry(
        uuid.uuid4().hex,
        experiment,
        model.id,
        "",
        billed=False,
        state=RunState.READY.value,
        cell_count=plan_grid.count_cells(plan),
        started=datetime.now(UTC),
    )
    saved = SavedRun(entry, plan, plan.limits)
    store.runs.add(owner, saved)
    return ExperimentRun(client, store, model, owner, saved)
