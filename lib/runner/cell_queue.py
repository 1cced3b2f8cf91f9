"""Queue a run's cells, with their requests built a few hundred ahead and earlier answers looked up."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lib.api import wire
from lib.api.backend import Backend
from lib.api.request import Request
from lib.chat.answer import Answer
from lib.errors import BadInput
from lib.experiment import cell_request, plan_grid
from lib.experiment.plan import Cell
from lib.experiment.plan_models import ResolvedPlan, asked_models
from lib.experiment.results.cell_result import Result, Status

LOOKAHEAD = 256  # cells whose requests are built together and looked up in one database query
MAX_RECENT = 256  # answers that may not be in the database yet: far more than wait to be written


@dataclass(frozen=True)
class CellJob:
    """A cell to be sent. ``previous`` is its saved result, if any.

    ``known_answer`` is an earlier cell's or run's answer to the same request. ``problem`` is why the request cannot
    be built.
    """

    cell: Cell
    request: Request | None
    fingerprint: str | None = None
    previous: Result | None = None
    known_answer: Answer | None = None
    problem: BadInput | None = None

    @property
    def initial_result(self) -> Result:
        """The result so far, or one in doubt without an answer."""
        return self.previous or Result(self.cell, Status.DOUBTFUL, None, attempts=0, requests=0)


class CellQueue:
    """The cells that are still to be sent. Safe from any thread.

    ``lookup`` returns the stored answers to requests, by fingerprint. Identical requests are sent once; the other
    cells wait for that answer.
    """

    def __init__(
        self,
        resolved: ResolvedPlan,
        lookup: Callable[[Mapping[str, Request]], Mapping[str, Answer]],
    ) -> None:
        self._resolved, self._plan = resolved, resolved.plan
        self._lookup = lookup
        self._variants = plan_grid.variants_for_run(resolved)
        self._numbers: Iterator[int] = iter(())  # of the cells to come, from the first start on
        self._taken: Collection[int] = frozenset()
        self._again: deque[Result] = deque()
        self._ready: deque[CellJob] = deque()
        # Cells that wait for an identical request, by its fingerprint.
        self._alike: dict[str, list[CellJob]] = {}
        self._recent: dict[str, Answer] = {}
        self._where = ""
        self._ended = False
        self._lock = threading.Lock()

    def restore(self, taken: Collection[int], again: Iterable[Result]) -> None:
        """Skip the cells ``taken``, and queue those to be sent again; called before the first take_next()."""
        self._taken = frozenset(taken)
        self._again.extend(again)

    def set_backend(self, backend: Backend) -> None:
        """Set the backend, which is part of a request's fingerprint."""
        with self._lock:
            if not self._where:  # the first start: a run stays with its backend
                self._numbers = iter(self._ordered_numbers(one_model_at_a_time=backend.can_inspect))
            # The twin's address changes with each start, but its name holds the model; Cloudflare is always the same.
            self._where = backend.base_url if backend.billed else backend.name

    def _ordered_numbers(self, *, one_model_at_a_time: bool) -> Sequence[int]:
        """Return the numbers of all cells; all of one model, then all of the next, if that is wanted.

        A computer that has no room for several models then loads each of them once.
        """
        numbers = range(plan_grid.count_cells(self._plan))
        if not one_model_at_a_time:
            return numbers
        ranks = {model: rank for rank, model in enumerate(asked_models(self._plan))}
        variants, count = self._variants, len(self._variants)
        return sorted(numbers, key=lambda number: ranks[variants[number % count].settings.model])

    def take_next(self) -> CellJob | None:
        """Return the next cell, or None if none is ready. Raises StorageFailed, and loses nothing then."""
        with self._lock:
            while not self._ready and (self._again or not self._ended):
                self._fill()
            return self._ready.popleft() if self._ready else None

    def put_back(self, job: CellJob, before: Result | None) -> None:
        """Put a cell that could not be sent back to the front, with its result so far."""
        with self._lock:
            self._ready.appendleft(replace(job, previous=before, known_answer=None))
            if job.fingerprint is not None:
                self._alike.setdefault(job.fingerprint, [])

    def settle(self, job: CellJob, result: Result) -> None:
        """Give a cell's answer to the cells with the same request, or queue the first of them if it failed."""
        if job.fingerprint is None:
            return
        with self._lock:
            others = self._alike.pop(job.fingerprint, [])
            if result.answer is not None and result.answer.ending.is_complete:
                self._recent[job.fingerprint] = result.answer
                if len(self._recent) > MAX_RECENT:
                    del self._recent[next(iter(self._recent))]
            self._enqueue(others, {})

    def requeue(self, results: Iterable[Result]) -> None:
        """Queue cells to be sent again."""
        with self._lock:
            self._again.extend(results)

    @property
    def is_empty(self) -> bool:
        """True if take_next() found no more cells, and none was queued since."""
        with self._lock:
            return self._ended and not self._ready and not self._again

    def _fill(self) -> None:
        jobs: list[CellJob] = []
        again: list[Result] = []
        while self._again and len(jobs) < LOOKAHEAD:
            again.append(self._again.popleft())
            jobs.append(self._make_job(again[-1].cell, again[-1]))
        numbers: list[int] = []
        for number in self._numbers if len(jobs) < LOOKAHEAD else ():
            if number not in self._taken:
                numbers.append(number)
                jobs.append(self._make_job(plan_grid.cell_at(self._plan, number), None))
                if len(jobs) == LOOKAHEAD:
                    break
        else:
            self._ended = len(jobs) < LOOKAHEAD
        requests = {job.fingerprint: job.request for job in jobs if job.fingerprint and job.request}
        try:
            known_answers = self._lookup(requests) if requests else {}
        except BaseException:
            self._again.extend(again)
            self._enqueue(jobs[len(again) :], {})  # their answers are looked up later
            raise
        self._enqueue(jobs, known_answers)

    def _enqueue(self, jobs: Iterable[CellJob], known_answers: Mapping[str, Answer]) -> None:
        for job in jobs:
            fingerprint = job.fingerprint
            answered = job.initial_result.status is Status.ANSWERED  # only its judge is missing
            if fingerprint is None or answered:
                self._ready.append(job)
            elif (answer := known_answers.get(fingerprint) or self._recent.get(fingerprint)) is not None:
                self._ready.append(replace(job, known_answer=answer))
            elif fingerprint in self._alike:
                self._alike[fingerprint].append(job)
            else:
                self._alike[fingerprint] = []
                self._ready.append(job)

    def _make_job(self, cell: Cell, before: Result | None) -> CellJob:
        try:
            request = cell_request.request(self._resolved, cell, self._variants)
        except BadInput as error:
            return CellJob(cell, None, previous=before, problem=error)
        return CellJob(cell, request, self._fingerprint(request), before)

    def _fingerprint(self, request: Request) -> str | None:
        """Return an id of the request and the kind of backend; None if the answer is random, without a seed."""
        model = self._resolved.model_of(request.model)
        if not any(
            parameter.is_seed and parameter.name in request.parameters for parameter in model.parameters
        ):
            return None
        identity = json.dumps([self._where, request.model, wire.encode_request(request)], sort_keys=True)
        return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
