"""A run of an experiment. The page watches it; it continues when nobody watches."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial

from lib.api.backend import Backend, backend_label
from lib.api.client import WorkersAI
from lib.chat.answer_accumulator import internal_error
from lib.errors import BadInput, HeldElsewhere, PaddockError
from lib.experiment import plan_grid
from lib.experiment.checks.check_kinds import Judge
from lib.experiment.plan import Limits, Plan
from lib.experiment.plan_models import ResolvedPlan, asked_models, models_of_requests
from lib.experiment.results.cell_result import Result, Status
from lib.model.known_models import ModelLookup, find_record, known_or_unknown
from lib.runner.budget import Budget, bounding_price
from lib.runner.cell_queue import CellQueue
from lib.runner.concurrency_limit import ConcurrencyLimit
from lib.runner.progress import RunProgress, RunState
from lib.runner.rate_limit import RateLimiter
from lib.runner.recovery import recover_cells, recovered_spending
from lib.runner.result_counters import ResultCounters
from lib.runner.result_journal import ResultJournal
from lib.runner.worker import Worker, WorkerContext, worker_count
from lib.store.run_store import run_lease
from lib.store.store import Store
from lib.store.stored_values import RunEntry, SavedRun, StoredCell


class ExperimentRun:
    """Sends every cell of a plan, in threads of its own. Every method is safe from any thread and returns at once.

    The page's registry creates runs, and finds them again after a restart.
    """

    def __init__(
        self,
        client: WorkersAI,
        store: Store,
        owner: str,
        saved: SavedRun,
        cells: Iterable[StoredCell] = (),
        find_model: ModelLookup = find_record,
    ) -> None:
        """Restore a saved run with its cells. Reads and writes nothing.

        ``find_model`` looks up the models that the plan names.
        """
        self.loaded_at = time.monotonic()
        entry = saved.entry
        self.id = entry.id
        self.owner = owner
        self.experiment = entry.experiment_id
        self.plan = saved.plan
        # The one that the plan's base names; it also judges.
        self.model = known_or_unknown(find_model, entry.model)
        self._client = client
        self._store = store
        self._limits = saved.limits
        self._backend, self._billed = entry.backend, entry.billed
        self._state = RunState(entry.state)
        if entry.is_held_elsewhere:
            self._state = RunState.ELSEWHERE
        elif self._state is RunState.RUNNING:
            self._state = RunState.INTERRUPTED
        self._error = entry.error
        self._counters = ResultCounters(plan_grid.count_cells(saved.plan))
        recovered = recover_cells(saved.plan, entry.billed, cells)
        self._counters.add(recovered.results)
        self._rate_limiter = RateLimiter(saved.limits.per_minute)
        self._resolved = ResolvedPlan(saved.plan, self.model, find_model)
        asked = (self.model, *map(self._resolved.model_of, asked_models(saved.plan)))
        price = bounding_price([model.price for model in asked])
        self._budget = Budget(saved.limits, price, recovered_spending(recovered))
        self._queue = CellQueue(self._resolved, lambda requests: store.cells.find_answers(owner, requests))
        self._queue.restore(recovered.saved_numbers, recovered.to_ask)
        self._journal = ResultJournal(store, owner, entry.id, self._counters.add)
        self._journal.restore(set(recovered.saved_numbers), recovered.last_position)
        self._context: WorkerContext | None = None
        self._workers: list[Worker] = []
        self._leader: threading.Thread | None = None
        self._lock = threading.RLock()
        self._holds_lease = self._is_outdated = False
        self._began, self._seconds = 0.0, 0.0  # time of this start; duration of the starts before it

    @property
    def state(self) -> RunState:
        return self._state

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def backend(self) -> str:
        """The name of its backend, empty before the first start."""
        return self._backend

    @property
    def is_billed(self) -> bool:
        """True if its answers are paid for; False before the first start."""
        return self._billed

    def set_limits(self, limits: Limits) -> None:
        """Change rate, budget or concurrency. A run that its budget ended continues with start().

        A higher concurrency counts from the next start. Raises HeldElsewhere as start() does.
        """
        with self._lock:
            if not self._holds_lease:
                self._require_current()
            self._limits = limits
            self._rate_limiter.set_rate(limits.per_minute)
            self._budget.set_limits(limits)
            if self._context is not None:
                self._context.concurrency_limit.wake()
            self._save()

    def start(self, backend: Backend) -> None:
        """Start or resume, from any state but DONE.

        Raises BadInput if it began on another backend, or if this one does not let all its models be asked.

        Raises HeldElsewhere if another server works on it, or did so since it was loaded; then load it again.
        """
        with self._lock:
            if self._state in (RunState.RUNNING, RunState.DONE):
                return
            self._check_backend(backend)
            for id in models_of_requests(self.plan):
                backend.require_allowed(id)
            self._take_lease()
            self._backend, self._billed = backend.name, backend.billed
            self._queue.set_backend(backend)
            self._state, self._error = RunState.RUNNING, None
            self._began = time.monotonic()
            context = WorkerContext(
                self._client,
                backend,
                self._resolved,
                lambda: self._limits,
                self._queue,
                self._rate_limiter,
                self._budget,
                self._journal,
                lambda error: self._end_for_worker(context, error),
                ConcurrencyLimit(lambda: self._limits.concurrency),
            )
            self._context = context
            self._leader = threading.Thread(
                target=self._lead_start, args=(context, self._leader), name="paddock-batch", daemon=True
            )
            self._leader.start()

    def _take_lease(self) -> None:
        if self._holds_lease:  # requests of the last start are still in flight
            return
        lease = run_lease(self.id)
        self._store.leases.take(lease)
        try:
            self._require_current()
        except PaddockError:
            self._store.leases.release(lease)
            raise
        self._holds_lease = True

    def _require_current(self) -> None:
        if self._store.cells.last_position(self.owner, self.id) != self._journal.position:
            self._is_outdated = True
            raise HeldElsewhere(
                "Another Paddock server has continued this run in the meantime.",
                advice="Its results are shown now. Continue again if some are still missing.",
            )

    def _check_backend(self, backend: Backend) -> None:
        if self._backend and (self._billed, self._backend) != (backend.billed, backend.name):
            raise BadInput(
                f"This run used “{backend_label(self._backend)}”, not “{backend.label}”.",
                advice="Connect to it again, or start a new run: answers from two places cannot be compared.",
            )

    def pause(self) -> None:
        """Send nothing more; requests in flight finish."""
        self._end_run(RunState.PAUSED)

    def stop(self) -> None:
        """Cancel the requests in flight and end; cells that may have been paid stay in doubt."""
        with self._lock:
            if self._state is not RunState.RUNNING and not self.is_working:
                return
            self._end_run(RunState.STOPPED)
            for worker in self._workers:
                worker.cancel()

    def retry_unfinished(self, backend: Backend) -> None:
        """Send the cells that failed or are in doubt again, and the judges without a verdict.

        Their possible cost stays counted. Raises BadInput as start() does.
        """
        with self._lock:
            self._check_backend(backend)
            unfinished = [result for result in self._counters.latest() if self._is_unfinished(result)]
            if self._state is RunState.DONE and not unfinished:
                return
            self._take_lease()
            self._queue.requeue(unfinished)
            self._counters.forget(unfinished)
            if self._state is RunState.DONE:
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
        """Save a person's rating of a cell's answer, 1 to 5, or remove it. Raises StorageFailed."""
        result = self._counters.get(number)
        if result is not None and self._store.cells.rate(self.owner, self.id, number, rating):
            self._counters.add([replace(result, rating=rating)])

    def progress(self) -> RunProgress:
        context, state = self._context, self._state
        spent, counts, limits = self._budget.spending, self._counters.counts, self._limits
        sending = 0 if context is None else context.concurrency_limit.in_flight
        waiting = ""
        if state is RunState.RUNNING:
            problem = self._journal.temporary_error
            waiting = problem.message if problem is not None else self._rate_limiter.waiting_reason
        pace = self._rate_limiter.current_rate
        return RunProgress(
            state=state,
            cells=self._counters.cells,
            **asdict(counts),
            in_flight=sending,
            requests=self._budget.settled_requests + sending,
            dollars=spent.dollars,
            uncertain=spent.uncertain,
            reserved=spent.reserved,
            per_minute=limits.per_minute,
            pace=pace,
            seconds=self._seconds + (time.monotonic() - self._began if state is RunState.RUNNING else 0.0),
            seconds_left=self._counters.seconds_left(pace) if state is RunState.RUNNING else None,
            waiting=waiting,
            error=self._error,
        )

    def results(self, since: int = 0) -> list[Result]:
        """Return the results from that position on, in order of arrival, without a lock.

        The list only grows. A cell may occur again (rated, or sent again); its last result counts.
        """
        return self._counters.results[since:]

    def latest(self) -> list[Result]:
        """Return each cell's latest result, by cell number."""
        return self._counters.latest()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for its end, at most ``timeout`` seconds. Return False if it still works."""
        leader = self._leader
        if leader is not None:
            leader.join(timeout)
        return not self.is_working

    def interrupt(self) -> None:
        """Send nothing more, because the process ends; join() waits for requests in flight. It can be resumed."""
        self._end_run(RunState.INTERRUPTED)

    @property
    def is_outdated(self) -> bool:
        """True if another server has worked on it since it was loaded: it must be loaded again."""
        return self._is_outdated or isinstance(self._journal.fatal_error, HeldElsewhere)

    @property
    def is_working(self) -> bool:
        """True while it runs, or waits for requests in flight after a pause."""
        return self._leader is not None and self._leader.is_alive()

    def _end_run(self, state: RunState, error: PaddockError | None = None) -> None:
        with self._lock:
            if self._state is not RunState.RUNNING and not (state is RunState.STOPPED and self.is_working):
                return
            self._state, self._error = state, error
            if self._context is not None:
                self._context.ended.set()
                self._context.concurrency_limit.wake()
            self._rate_limiter.wake()
            self._budget.wake()

    def _end_for_worker(self, context: WorkerContext, error: PaddockError | None) -> None:
        """End the run for a worker; ``error`` None means that the budget is used up."""
        with self._lock:
            if context is not self._context:
                return
            if error is None:
                self._end_run(RunState.BUDGET)
            else:
                failed = error is self._journal.fatal_error
                self._end_run(RunState.FAILED if failed else RunState.PAUSED, error)

    def _lead_start(self, context: WorkerContext, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()  # workers of the last start may still wait for an answer
        try:
            self._journal.open()
            self._save()
            while self._start_workers(context):
                for worker in self._workers:
                    worker.join()
        except Exception as failed:
            self._end_run(RunState.FAILED, internal_error(failed))
        self._save()
        self._journal.close()
        with self._lock:
            if self._leader is threading.current_thread():  # else it was started again
                self._holds_lease = False
                self._store.leases.release(run_lease(self.id))

    def _start_workers(self, context: WorkerContext) -> bool:
        """Start the workers, again if more cells were queued. Return False at the end of this start."""
        with self._lock:
            self._workers = []
            if self._state is RunState.RUNNING and context is self._context:
                if not self._queue.is_empty:
                    self._workers = [
                        Worker(context, number).start() for number in range(worker_count(self._limits))
                    ]
                    return True
                self._state = RunState.DONE
            if context is self._context:
                self._seconds += time.monotonic() - self._began
                self._context = None  # and with it the token
            return False

    def _save(self) -> None:
        """Save the state, through the journal while it runs. Otherwise raises StorageFailed on failure."""
        with self._lock:
            write = partial(
                self._store.runs.update,
                self.owner,
                self.id,
                state=self._state.value,
                error=self._error,
                backend=self._backend,
                billed=self._billed,
                limits=self._limits,
            )
        if self.is_working:
            self._journal.write_run(write)
        else:
            write()


def create_run(
    store: Store,
    client: WorkersAI,
    owner: str,
    experiment: str,
    plan: Plan,
    find_model: ModelLookup = find_record,
) -> ExperimentRun:
    """Save and return a new run of the owner's experiment, not started. Raises StorageFailed."""
    entry = RunEntry(
        uuid.uuid4().hex,
        experiment,
        plan.base.model,
        "",
        billed=False,
        state=RunState.READY.value,
        cell_count=plan_grid.count_cells(plan),
        started=datetime.now(UTC),
    )
    saved = SavedRun(entry, plan, plan.limits)
    store.runs.add(owner, saved)
    return ExperimentRun(client, store, owner, saved, find_model=find_model)
