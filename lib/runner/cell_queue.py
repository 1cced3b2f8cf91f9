"""Agenda: what a batch has still to ask, built a few hundred cells ahead, with the answers that are known already."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from lib.api import wire
from lib.api.backend import Backend
from lib.api.request import Request
from lib.chat.answer import Answer
from lib.errors import BadInput
from lib.experiment import cell_request, plan_grid
from lib.experiment.plan import Cell, Plan, Variant
from lib.experiment.results.cell_result import Result, Status
from lib.model.model_record import Model

LOOKAHEAD = 256  # cells whose requests are built at once, and looked up in one question to the database
MAX_RECENT = 256  # answers that the database may not have yet: many more than are on their way into it


@dataclass(frozen=True)
class CellJob:
    """One cell to be asked. ``before`` is what was written of it until now, None for nothing.

    ``known``: the answer to the same request, of an earlier cell or run. ``problem``: why it cannot be asked at all.
    """

    cell: Cell
    request: Request | None
    fingerprint: str | None = None
    previous: Result | None = None
    known_answer: Answer | None = None
    problem: BadInput | None = None

    @property
    def initial_result(self) -> Result:
        """What is known of the cell at the moment, to be added to."""
        return self.previous or Result(self.cell, Status.DOUBTFUL, None, attempts=0, requests=0)


class CellQueue:
    """Safe from any thread. ``lookup`` gives the answers that the store has to requests of these fingerprints.

    Of those that are alike one alone is asked: the others wait for what comes of it.
    """

    def __init__(
        self, model: Model, plan: Plan, lookup: Callable[[Mapping[str, Request]], Mapping[str, Answer]]
    ) -> None:
        self._model = model
        self._plan = plan
        self._lookup = lookup
        count = plan_grid.count_cells(plan)
        variants = plan_grid.variants(plan, model)
        self._variants: list[Variant] | None = None if len(variants) > count else list(variants)
        self._all_variants = variants
        self._numbers = iter(range(count))
        self._taken: Collection[int] = frozenset()
        self._again: deque[Result] = deque()
        self._ready: deque[CellJob] = deque()
        self._alike: dict[str, list[CellJob]] = {}  # by the fingerprint of one that is ready, or being asked
        self._recent: dict[str, Answer] = {}
        self._where = ""
        self._ended = False
        self._lock = threading.Lock()

    def restore(self, taken: Collection[int], again: Iterable[Result]) -> None:
        """Before anything was taken: the cells that are not to be asked, and those that are to be asked once more."""
        self._taken = frozenset(taken)
        self._again.extend(again)

    def set_backend(self, backend: Backend) -> None:
        """Where the next ones are asked; what an answer is known to depends on it."""
        with self._lock:
            # The twin's address changes from start to start, its name has the model; Cloudflare is one for all.
            self._where = backend.base_url if backend.billed else backend.name

    def take_next(self) -> CellJob | None:
        """The next cell, None where there is none at the moment. Raises StorageFailed, with nothing lost."""
        with self._lock:
            while not self._ready and (self._again or not self._ended):
                self._fill()
            return self._ready.popleft() if self._ready else None

    def put_back(self, job: CellJob, before: Result | None) -> None:
        """It could not be asked now: it is the next one again, with what is known of it by now."""
        with self._lock:
            self._ready.appendleft(replace(job, previous=before, known_answer=None))
            if job.fingerprint is not None:
                self._alike.setdefault(job.fingerprint, [])

    def settle(self, job: CellJob, result: Result) -> None:
        """That came of it. Those that are alike are answered by it, or the first of them is asked."""
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
        """These are to be asked once more."""
        with self._lock:
            self._again.extend(results)

    @property
    def is_empty(self) -> bool:
        """Whether next() has found nothing more, and nothing was put there since."""
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
        asked = {
            job.fingerprint: job.request
            for job in jobs
            if job.fingerprint is not None and job.request is not None
        }
        try:
            known = self._lookup(asked) if asked else {}
        except BaseException:
            self._again.extend(again)
            self._enqueue(jobs[len(again) :], {})  # what they would have been answered is asked for then
            raise
        self._enqueue(jobs, known)

    def _enqueue(self, jobs: Iterable[CellJob], known: Mapping[str, Answer]) -> None:
        for job in jobs:
            fingerprint = job.fingerprint
            answered = job.initial_result.status is Status.ANSWERED  # it is its judge that is to be asked
            if fingerprint is None or answered:
                self._ready.append(job)
            elif (answer := known.get(fingerprint) or self._recent.get(fingerprint)) is not None:
                self._ready.append(replace(job, known_answer=answer))
            elif fingerprint in self._alike:
                self._alike[fingerprint].append(job)
            else:
                self._alike[fingerprint] = []
                self._ready.append(job)

    def _make_job(self, cell: Cell, before: Result | None) -> CellJob:
        try:
            request = cell_request.request(
                self._model, self._plan, cell, self._variants or self._all_variants
            )
        except BadInput as error:
            return CellJob(cell, None, previous=before, problem=error)
        return CellJob(cell, request, self._fingerprint(request), before)

    def _fingerprint(self, request: Request) -> str | None:
        """The same for the same request to the same kind of backend; None where chance has its part in the answer."""
        if not any(one.is_seed and one.name in request.parameters for one in self._model.parameters):
            return None
        asked = json.dumps([self._where, request.model, wire.encode_request(request)], sort_keys=True)
        return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()
