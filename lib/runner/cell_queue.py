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

AHEAD = 256  # cells whose requests are built at once, and looked up in one question to the database
MOST_RECENT = 256  # answers that the database may not have yet: many more than are on their way into it


@dataclass(frozen=True)
class Job:
    """One cell to be asked. ``before`` is what was written of it until now, None for nothing.

    ``known``: the answer to the same request, of an earlier cell or run. ``problem``: why it cannot be asked at all.
    """

    cell: Cell
    request: Request | None
    fingerprint: str | None = None
    before: Result | None = None
    known: Answer | None = None
    problem: BadInput | None = None

    @property
    def start(self) -> Result:
        """What is known of the cell at the moment, to be added to."""
        return self.before or Result(self.cell, Status.DOUBTFUL, None, attempts=0, requests=0)


class Agenda:
    """Safe from any thread. ``lookup`` gives the answers that the store has to requests of these fingerprints.

    Of those that are alike one alone is asked: the others wait for what comes of it.
    """

    def __init__(
        self, model: Model, plan: Plan, lookup: Callable[[Mapping[str, Request]], Mapping[str, Answer]]
    ) -> None:
        self._model = model
        self._plan = plan
        self._lookup = lookup
        count = plan_grid.count(plan)
        variants = plan_grid.variants(plan, model)
        self._variants: list[Variant] | None = None if len(variants) > count else list(variants)
        self._all_variants = variants
        self._numbers = iter(range(count))
        self._taken: Collection[int] = frozenset()
        self._again: deque[Result] = deque()
        self._ready: deque[Job] = deque()
        self._alike: dict[str, list[Job]] = {}  # by the fingerprint of one that is ready, or being asked
        self._recent: dict[str, Answer] = {}
        self._where = ""
        self._ended = False
        self._lock = threading.Lock()

    def resume(self, taken: Collection[int], again: Iterable[Result]) -> None:
        """Before anything was taken: the cells that are not to be asked, and those that are to be asked once more."""
        self._taken = frozenset(taken)
        self._again.extend(again)

    def begin(self, backend: Backend) -> None:
        """Where the next ones are asked; what an answer is known to depends on it."""
        with self._lock:
            # The twin's address changes from start to start, its name has the model; Cloudflare is one for all.
            self._where = backend.base_url if backend.billed else backend.name

    def next(self) -> Job | None:
        """The next cell, None where there is none at the moment. Raises StorageFailed, with nothing lost."""
        with self._lock:
            while not self._ready and (self._again or not self._ended):
                self._fill()
            return self._ready.popleft() if self._ready else None

    def put_back(self, job: Job, before: Result | None) -> None:
        """It could not be asked now: it is the next one again, with what is known of it by now."""
        with self._lock:
            self._ready.appendleft(replace(job, before=before, known=None))
            if job.fingerprint is not None:
                self._alike.setdefault(job.fingerprint, [])

    def settle(self, job: Job, result: Result) -> None:
        """That came of it. Those that are alike are answered by it, or the first of them is asked."""
        if job.fingerprint is None:
            return
        with self._lock:
            others = self._alike.pop(job.fingerprint, [])
            if result.answer is not None and result.answer.ending.whole:
                self._recent[job.fingerprint] = result.answer
                if len(self._recent) > MOST_RECENT:
                    del self._recent[next(iter(self._recent))]
            self._line_up(others, {})

    def again(self, results: Iterable[Result]) -> None:
        """These are to be asked once more."""
        with self._lock:
            self._again.extend(results)

    @property
    def empty(self) -> bool:
        """Whether next() has found nothing more, and nothing was put there since."""
        with self._lock:
            return self._ended and not self._ready and not self._again

    def _fill(self) -> None:
        jobs: list[Job] = []
        again: list[Result] = []
        while self._again and len(jobs) < AHEAD:
            again.append(self._again.popleft())
            jobs.append(self._job(again[-1].cell, again[-1]))
        numbers: list[int] = []
        for number in self._numbers if len(jobs) < AHEAD else ():
            if number not in self._taken:
                numbers.append(number)
                jobs.append(self._job(plan_grid.cell(self._plan, number), None))
                if len(jobs) == AHEAD:
                    break
        else:
            self._ended = len(jobs) < AHEAD
        asked = {
            job.fingerprint: job.request
            for job in jobs
            if job.fingerprint is not None and job.request is not None
        }
        try:
            known = self._lookup(asked) if asked else {}
        except BaseException:
            self._again.extend(again)
            self._line_up(jobs[len(again) :], {})  # what they would have been answered is asked for then
            raise
        self._line_up(jobs, known)

    def _line_up(self, jobs: Iterable[Job], known: Mapping[str, Answer]) -> None:
        for job in jobs:
            fingerprint = job.fingerprint
            answered = job.start.status is Status.ANSWERED  # it is its judge that is to be asked
            if fingerprint is None or answered:
                self._ready.append(job)
            elif (answer := known.get(fingerprint) or self._recent.get(fingerprint)) is not None:
                self._ready.append(replace(job, known=answer))
            elif fingerprint in self._alike:
                self._alike[fingerprint].append(job)
            else:
                self._alike[fingerprint] = []
                self._ready.append(job)

    def _job(self, cell: Cell, before: Result | None) -> Job:
        try:
            request = cell_request.request(
                self._model, self._plan, cell, self._variants or self._all_variants
            )
        except BadInput as error:
            return Job(cell, None, before=before, problem=error)
        return Job(cell, request, self._fingerprint(request), before)

    def _fingerprint(self, request: Request) -> str | None:
        """The same for the same request to the same kind of backend; None where chance has its part in the answer."""
        if not any(one.rolls and one.name in request.parameters for one in self._model.parameters):
            return None
        asked = json.dumps([self._where, request.model, wire.encode(request)], sort_keys=True)
        return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()
