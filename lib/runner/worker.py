"""Worker: one thread of a batch: it takes cell after cell, asks it within pace and budget, and has it judged."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from lib.api.backend import Backend
from lib.api.client import Line, Stopped, WorkersAI
from lib.api.request import Messages, Request
from lib.chat.answer_accumulator import Reception, bare, fault
from lib.errors import (
    BadInput,
    NoCapacity,
    PaddockError,
    ServiceFailed,
    StorageFailed,
    Unintelligible,
    Unreachable,
)
from lib.experiment import plan_grid
from lib.experiment.checks.check_kinds import Judge, Outcome
from lib.experiment.checks.evaluate_checks import judge
from lib.experiment.checks.llm_judge import judge_request, read_verdict
from lib.experiment.plan import Limits, Plan
from lib.experiment.plan_estimate import most
from lib.experiment.results.cell_result import Result, Status
from lib.model.model_record import Model
from lib.runner.attempt import Sent, fatal, settled
from lib.runner.budget import NOTHING, Budget
from lib.runner.cell_queue import Agenda, Job
from lib.runner.concurrency_limit import Gate
from lib.runner.rate_limit import Pace
from lib.runner.result_journal import Journal

MOST_REFUSALS = (
    25  # for haste, of one request: they cost nothing, but somebody else may use the account up for ever
)
MOST_FAILURES = 20  # cells in a row that the service failed
BACKOFF = 0.5  # seconds before the second attempt, doubled each time
NO_BUDGET = "The budget leaves nothing for the judge."
JUDGE_IN_DOUBT = "The judge was being asked when it was ended; it may have been paid."


@dataclass
class Crew:
    """What the workers of one start have in common. ``ended`` is set once nothing more is to be sent.

    ``halt`` is told why a worker ends them all: an error, or None where the budget is used up.
    """

    client: WorkersAI
    backend: Backend
    model: Model
    plan: Plan
    limits: Callable[[], Limits]
    agenda: Agenda
    pace: Pace
    budget: Budget
    journal: Journal
    halt: Callable[[PaddockError | None], None]
    gate: Gate
    ended: threading.Event = field(default_factory=threading.Event)
    failures: int = 0  # cells in a row
    lock: threading.Lock = field(default_factory=threading.Lock)


def hands(limits: Limits) -> int:
    """How many workers it takes that so many requests are always on their way: some claim the next ones meanwhile.

    Killed then, it is in doubt about what those have claimed too, so they are few.
    """
    return limits.concurrency + limits.concurrency // 4


class _Ended(Exception):
    """The crew ends before this could be sent: nothing of it is on its way, and it is to be asked later."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


class _NoBudget(_Ended):
    """The budget has no room for it."""


class _Cut(Exception):
    """It was cut off on its way, and may have been paid."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


class Worker:
    """``number`` counts from 0: where fewer are wanted, those with the highest end first."""

    def __init__(self, crew: Crew, number: int) -> None:
        self._crew = crew
        self._number = number
        self._line: Line | None = None
        self._claimed = False  # a request for the cell at hand
        self._thread = threading.Thread(target=self._work, name=f"paddock-batch-{number}", daemon=True)

    def start(self) -> Worker:
        """Begin. Returns the worker itself."""
        self._thread.start()
        return self

    def join(self, timeout: float | None = None) -> bool:
        """Wait for its end. False where it has not come in time."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def cut(self) -> None:
        """End what is on its way at once."""
        if self._line is not None:
            self._line.stop.request()

    def _work(self) -> None:
        crew = self._crew
        try:
            self._line = crew.client.line(crew.backend)
            while not crew.ended.is_set() and self._number < hands(crew.limits()):
                try:
                    job = crew.agenda.next()
                except StorageFailed as error:  # what is known already is looked up there
                    if not error.retryable:
                        raise
                    crew.ended.wait(1.0)
                    continue
                if job is None:
                    return
                self._do(job)
        except PaddockError as error:
            crew.halt(bare(error))
        except Exception as error:  # a bug ends the batch with a word on it
            crew.halt(fault(error))
        finally:
            if self._line is not None:
                self._line.close()

    def _do(self, job: Job) -> None:
        crew = self._crew
        self._claimed = job.before is not None
        try:
            result = self._ask(job)
            if result.status is Status.ANSWERED:
                result = self._judge(job, result)
            crew.journal.write(result, job.fingerprint)
            crew.agenda.settle(job, result)
            self._watch(result)
        except _Cut as cut:
            crew.journal.write(cut.result, job.fingerprint)
            crew.agenda.settle(job, cut.result)
        except _Ended as ended:
            if self._claimed:  # the database says that it may be on its way
                crew.journal.write(ended.result, job.fingerprint, judged=False, waiting=True)
            crew.agenda.put_back(job, ended.result)
            if isinstance(ended, _NoBudget):
                crew.halt(None)
        except BaseException:
            crew.agenda.put_back(job, job.before)
            raise

    def _watch(self, result: Result) -> None:
        """Where nothing succeeds any more, no others are thrown after them."""
        crew, error = self._crew, None if result.answer is None else result.answer.error
        with crew.lock:
            if isinstance(error, (ServiceFailed, NoCapacity, Unintelligible, Unreachable)):
                crew.failures += 1
            else:
                crew.failures = 0
            enough = crew.failures == MOST_FAILURES
        if enough and error is not None:
            crew.halt(
                PaddockError(
                    f"{MOST_FAILURES} in a row failed, so it waits. {error.message}", advice=error.advice
                )
            )

    def _ask(self, job: Job) -> Result:
        """The cell with its answer. Raises _Ended with what is known so far where it is to be asked later."""
        crew, result, request = self._crew, job.start, job.request
        if request is None:
            nothing = Request(crew.model.id, Messages(()), {}, stream=False)
            answer = Reception(crew.backend, crew.model, nothing).answer(error=job.problem)
            return replace(result, status=Status.FAILED, answer=answer)
        if result.status is Status.ANSWERED:  # it is its judge that is to be asked
            return result
        result = replace(result, status=Status.DOUBTFUL, answer=None, outcomes=())
        if job.known is not None:
            return replace(
                result, status=Status.ANSWERED, answer=replace(job.known, request=request), stored=True
            )
        for tries in itertools.count(1):
            result, sent = self._send(request, job.fingerprint, result)
            error = sent.answer.error
            if error is None:
                return replace(result, status=Status.ANSWERED, answer=sent.answer)
            if not error.retryable or tries >= crew.limits().attempts:
                break
            crew.journal.write(result, job.fingerprint, judged=False, waiting=True)
            self._pause(tries, result)
        return replace(result, status=Status.FAILED, answer=sent.answer)

    def _judge(self, job: Job, result: Result) -> Result:
        """The outcome of each check. Raises _Ended where a judge is to be asked later."""
        crew, answer = self._crew, result.answer
        if not crew.plan.checks or answer is None:
            return result
        values = plan_grid.values(crew.plan, job.cell.row)
        if any(isinstance(check, Judge) for check in crew.plan.checks):  # safe before anything else is asked
            crew.journal.write(result, job.fingerprint, judged=False, waiting=True)
        earlier, outcomes = result.outcomes, []
        for number, check in enumerate(crew.plan.checks):
            if not isinstance(check, Judge):
                outcomes.append(judge(check, answer, values))
            elif number < len(earlier) and earlier[number].passed is not None:
                outcomes.append(earlier[number])
            else:
                # What is known by now goes along: should it end here, no judge is asked twice.
                so_far = (*outcomes, *earlier[number:])
                result, outcome = self._ask_judge(job, check, replace(result, outcomes=so_far), values)
                outcomes.append(outcome)
        return replace(result, outcomes=tuple(outcomes))

    def _ask_judge(
        self, job: Job, check: Judge, result: Result, values: Mapping[str, str]
    ) -> tuple[Result, Outcome]:
        crew, answer = self._crew, result.answer
        assert answer is not None  # noqa: S101
        try:
            request = judge_request(crew.model, check, answer, values)
        except BadInput as cannot:
            return result, Outcome(None, cannot.message)
        for tries in itertools.count(1):
            try:
                result, sent = self._send(request, job.fingerprint, result)
            except _NoBudget as none:
                return none.result, Outcome(None, NO_BUDGET)
            except _Cut as cut:
                return replace(cut.result, status=Status.ANSWERED), Outcome(None, JUDGE_IN_DOUBT)
            error = sent.answer.error
            if error is None or not error.retryable or tries >= crew.limits().attempts:
                break
            self._pause(tries, result)
        return result, read_verdict(sent.answer)

    def _send(self, request: Request, fingerprint: str | None, result: Result) -> tuple[Result, Sent]:
        """One attempt that counts, and the result with its cost. What came of it is nobody's claim any more.

        What was refused for haste, or found no network, is sent again from here. Raises _Ended, _NoBudget, _Cut.
        """
        crew, judging = self._crew, result.status is Status.ANSWERED
        top = most(crew.model, request)
        refusals = 0
        while True:
            sent = self._attempt(request, fingerprint, result, top, judging)
            result = replace(
                result,
                cost=result.cost + sent.cost,
                uncertain=result.uncertain + sent.uncertain,
                requests=result.requests + sent.left,
                attempts=result.attempts + (sent.left and not judging),
            )
            if sent.stopped:
                raise _Cut(result) if sent.uncertain else _Ended(result)
            if fatal(sent):
                crew.halt(sent.answer.error)
                raise _Ended(result)
            refusals += sent.refused
            if not sent.unreachable and (not sent.refused or refusals == MOST_REFUSALS):
                return result, sent

    def _attempt(
        self, request: Request, fingerprint: str | None, result: Result, top: Decimal, judging: bool
    ) -> Sent:
        """Reserved, paced, claimed, sent through the gate, settled."""
        crew, ended = self._crew, self._crew.ended.is_set
        if not crew.budget.reserve(top, ended):
            raise _Ended(result) if ended() else _NoBudget(result)
        sent: Sent | None = None
        try:
            turn = crew.pace.wait(ended)
            if turn is None:
                raise _Ended(result)
            claim = replace(
                result,
                status=Status.DOUBTFUL,
                attempts=result.attempts + (not judging),
                requests=result.requests + 1,
                uncertain=result.uncertain + (top if crew.backend.billed else NOTHING),
            )
            self._claimed = True
            if not crew.journal.claim(claim, fingerprint).wait():
                raise crew.journal.broken or _Ended(result)
            turn = self._pass(turn)
            if turn is None:
                raise _Ended(result)
            try:
                sent = self._exchange(request, top)
                self._report(sent, turn)  # before another one passes, which may have to be held
            finally:
                crew.gate.leave()
        finally:
            if sent is None:
                crew.budget.settle(top, sent=False)
            else:
                crew.budget.settle(top, cost=sent.cost, uncertain=sent.uncertain, sent=sent.left)
        return sent

    def _pass(self, turn: float) -> float | None:
        """Through the gate: the turn, or another where everybody was held since it came. None once the crew ends."""
        crew, ended = self._crew, self._crew.ended.is_set
        mine: float | None = turn
        while mine is not None and crew.gate.enter(ended):
            if not crew.pace.is_over(mine):
                return mine
            crew.gate.leave()
            mine = crew.pace.wait(ended)
        return None

    def _exchange(self, request: Request, top: Decimal) -> Sent:
        crew, line = self._crew, self._line
        assert line is not None  # noqa: S101
        reception = Reception(crew.backend, crew.model, request)
        error: PaddockError | None = None
        stopped = False
        try:
            for event in crew.client.ask(line, request):
                reception.take(event)
        except Stopped:
            stopped = True
        except PaddockError as failed:
            error = bare(failed)
        answer = reception.answer(stopped=stopped, error=error)
        return settled(answer, line.sent, top, crew.model, crew.backend)

    def _report(self, sent: Sent, turn: float) -> None:
        """Tell the pace what came of that turn."""
        pace, error = self._crew.pace, sent.answer.error
        if sent.left:
            pace.reached()
        if sent.unreachable:
            pace.unreachable(turn)
        elif error is not None and error.retryable and (sent.refused or error.retry_after is not None):
            who = "Cloudflare" if self._crew.backend.billed else "The twin"
            pace.refused(turn, error.retry_after, who)

    def _pause(self, tries: int, result: Result) -> None:
        # Jitter spreads those that failed together; nothing secret hangs on it.
        seconds = BACKOFF * 2 ** (tries - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        if self._crew.ended.wait(seconds):
            raise _Ended(result)
