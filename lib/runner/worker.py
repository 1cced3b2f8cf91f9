"""Worker: one thread of a batch: it takes cell after cell, asks it within pace and budget, and has it judged."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from lib.api.backend import Backend
from lib.api.cancellation import Cancelled
from lib.api.client import WorkersAI
from lib.api.persistent_connection import PersistentConnection
from lib.api.request import Messages, Request
from lib.api.retries import backoff_seconds
from lib.chat.answer_accumulator import AnswerAccumulator, internal_error, strip_traceback
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
from lib.experiment.checks.check_evaluation import evaluate_check
from lib.experiment.checks.check_kinds import CheckOutcome, Judge
from lib.experiment.checks.llm_judge import judge_request, read_verdict
from lib.experiment.plan import Limits, Plan
from lib.experiment.plan_estimate import max_cost
from lib.experiment.results.cell_result import Result, Status
from lib.model.model_record import Model
from lib.runner.attempt import Attempt, is_fatal, price_attempt
from lib.runner.budget import ZERO_DOLLARS, Budget
from lib.runner.cell_queue import CellJob, CellQueue
from lib.runner.concurrency_limit import ConcurrencyLimit
from lib.runner.rate_limit import RateLimiter
from lib.runner.result_journal import ResultJournal

MAX_REFUSALS = (
    25  # for haste, of one request: they cost nothing, but somebody else may use the account up for ever
)
MAX_FAILURES_IN_ROW = 20  # cells in a row that the service failed
BACKOFF_SECONDS = 0.5  # seconds before the second attempt, doubled each time
NO_BUDGET = "The budget leaves nothing for the judge."
JUDGE_IN_DOUBT = "The judge was being asked when it was ended; it may have been paid."


@dataclass
class WorkerContext:
    """What the workers of one start have in common. ``ended`` is set once nothing more is to be sent.

    ``halt`` is told why a worker ends them all: an error, or None where the budget is used up.
    """

    client: WorkersAI
    backend: Backend
    model: Model
    plan: Plan
    limits: Callable[[], Limits]
    queue: CellQueue
    rate_limiter: RateLimiter
    budget: Budget
    journal: ResultJournal
    halt: Callable[[PaddockError | None], None]
    concurrency_limit: ConcurrencyLimit
    ended: threading.Event = field(default_factory=threading.Event)
    failures_in_row: int = 0  # cells in a row
    lock: threading.Lock = field(default_factory=threading.Lock)


def worker_count(limits: Limits) -> int:
    """How many workers it takes that so many requests are always on their way: some claim the next ones meanwhile.

    Killed then, it is in doubt about what those have claimed too, so they are few.
    """
    return limits.concurrency + limits.concurrency // 4


class _RunEnded(Exception):
    """The crew ends before this could be sent: nothing of it is on its way, and it is to be asked later."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


class _NoBudget(_RunEnded):
    """The budget has no room for it."""


class _RequestCancelled(Exception):
    """It was cut off on its way, and may have been paid."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


class Worker:
    """``number`` counts from 0: where fewer are wanted, those with the highest end first."""

    def __init__(self, crew: WorkerContext, number: int) -> None:
        self._crew = crew
        self._number = number
        self._line: PersistentConnection | None = None
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

    def cancel(self) -> None:
        """End what is on its way at once."""
        if self._line is not None:
            self._line.cancel_token.cancel()

    def _work(self) -> None:
        crew = self._crew
        try:
            self._line = crew.client.open_connection(crew.backend)
            while not crew.ended.is_set() and self._number < worker_count(crew.limits()):
                try:
                    job = crew.queue.take_next()
                except StorageFailed as error:  # what is known already is looked up there
                    if not error.retryable:
                        raise
                    crew.ended.wait(1.0)
                    continue
                if job is None:
                    return
                self._process(job)
        except PaddockError as error:
            crew.halt(strip_traceback(error))
        except Exception as error:  # a bug ends the batch with a word on it
            crew.halt(internal_error(error))
        finally:
            if self._line is not None:
                self._line.close()

    def _process(self, job: CellJob) -> None:
        crew = self._crew
        self._claimed = job.previous is not None
        try:
            result = self._ask(job)
            if result.status is Status.ANSWERED:
                result = self._evaluate_checks(job, result)
            crew.journal.write(result, job.fingerprint)
            crew.queue.settle(job, result)
            self._count_failures(result)
        except _RequestCancelled as cut:
            crew.journal.write(cut.result, job.fingerprint)
            crew.queue.settle(job, cut.result)
        except _RunEnded as ended:
            if self._claimed:  # the database says that it may be on its way
                crew.journal.write(ended.result, job.fingerprint, judged=False, waiting=True)
            crew.queue.put_back(job, ended.result)
            if isinstance(ended, _NoBudget):
                crew.halt(None)
        except BaseException:
            crew.queue.put_back(job, job.previous)
            raise

    def _count_failures(self, result: Result) -> None:
        """Where nothing succeeds any more, no others are thrown after them."""
        crew, error = self._crew, None if result.answer is None else result.answer.error
        with crew.lock:
            if isinstance(error, (ServiceFailed, NoCapacity, Unintelligible, Unreachable)):
                crew.failures_in_row += 1
            else:
                crew.failures_in_row = 0
            enough = crew.failures_in_row == MAX_FAILURES_IN_ROW
        if enough and error is not None:
            crew.halt(
                PaddockError(
                    f"{MAX_FAILURES_IN_ROW} in a row failed, so it waits. {error.message}",
                    advice=error.advice,
                )
            )

    def _ask(self, job: CellJob) -> Result:
        """The cell with its answer. Raises _Ended with what is known so far where it is to be asked later."""
        crew, result, request = self._crew, job.initial_result, job.request
        if request is None:
            nothing = Request(crew.model.id, Messages(()), {}, stream=False)
            answer = AnswerAccumulator(crew.backend, crew.model, nothing).build_answer(error=job.problem)
            return replace(result, status=Status.FAILED, answer=answer)
        if result.status is Status.ANSWERED:  # it is its judge that is to be asked
            return result
        result = replace(result, status=Status.DOUBTFUL, answer=None, outcomes=())
        if job.known_answer is not None:
            return replace(
                result, status=Status.ANSWERED, answer=replace(job.known_answer, request=request), stored=True
            )
        for tries in itertools.count(1):
            result, sent = self._send_with_retries(request, job.fingerprint, result)
            error = sent.answer.error
            if error is None:
                return replace(result, status=Status.ANSWERED, answer=sent.answer)
            if not error.retryable or tries >= crew.limits().attempts:
                break
            crew.journal.write(result, job.fingerprint, judged=False, waiting=True)
            self._back_off(tries, result)
        return replace(result, status=Status.FAILED, answer=sent.answer)

    def _evaluate_checks(self, job: CellJob, result: Result) -> Result:
        """The outcome of each check. Raises _Ended where a judge is to be asked later."""
        crew, answer = self._crew, result.answer
        if not crew.plan.checks or answer is None:
            return result
        values = plan_grid.row_values(crew.plan, job.cell.row)
        if any(isinstance(check, Judge) for check in crew.plan.checks):  # safe before anything else is asked
            crew.journal.write(result, job.fingerprint, judged=False, waiting=True)
        earlier, outcomes = result.outcomes, []
        for number, check in enumerate(crew.plan.checks):
            if not isinstance(check, Judge):
                outcomes.append(evaluate_check(check, answer, values))
            elif number < len(earlier) and earlier[number].passed is not None:
                outcomes.append(earlier[number])
            else:
                # What is known by now goes along: should it end here, no judge is asked twice.
                so_far = (*outcomes, *earlier[number:])
                result, outcome = self._ask_judge(job, check, replace(result, outcomes=so_far), values)
                outcomes.append(outcome)
        return replace(result, outcomes=tuple(outcomes))

    def _ask_judge(
        self, job: CellJob, check: Judge, result: Result, values: Mapping[str, str]
    ) -> tuple[Result, CheckOutcome]:
        crew, answer = self._crew, result.answer
        assert answer is not None  # noqa: S101
        try:
            request = judge_request(crew.model, check, answer, values)
        except BadInput as cannot:
            return result, CheckOutcome(None, cannot.message)
        for tries in itertools.count(1):
            try:
                result, sent = self._send_with_retries(request, job.fingerprint, result)
            except _NoBudget as none:
                return none.result, CheckOutcome(None, NO_BUDGET)
            except _RequestCancelled as cut:
                return replace(cut.result, status=Status.ANSWERED), CheckOutcome(None, JUDGE_IN_DOUBT)
            error = sent.answer.error
            if error is None or not error.retryable or tries >= crew.limits().attempts:
                break
            self._back_off(tries, result)
        return result, read_verdict(sent.answer)

    def _send_with_retries(
        self, request: Request, fingerprint: str | None, result: Result
    ) -> tuple[Result, Attempt]:
        """One attempt that counts, and the result with its cost. What came of it is nobody's claim any more.

        What was refused for haste, or found no network, is sent again from here. Raises _Ended, _NoBudget, _Cut.
        """
        crew, judging = self._crew, result.status is Status.ANSWERED
        top = max_cost(crew.model, request)
        refusals = 0
        while True:
            sent = self._attempt(request, fingerprint, result, top, judging)
            result = replace(
                result,
                cost=result.cost + sent.cost,
                uncertain=result.uncertain + sent.uncertain,
                requests=result.requests + sent.was_sent,
                attempts=result.attempts + (sent.was_sent and not judging),
            )
            if sent.was_stopped:
                raise _RequestCancelled(result) if sent.uncertain else _RunEnded(result)
            if is_fatal(sent):
                crew.halt(sent.answer.error)
                raise _RunEnded(result)
            refusals += sent.was_rate_limited
            if not sent.is_unreachable and (not sent.was_rate_limited or refusals == MAX_REFUSALS):
                return result, sent

    def _attempt(
        self, request: Request, fingerprint: str | None, result: Result, top: Decimal, judging: bool
    ) -> Attempt:
        """Reserved, paced, claimed, sent through the gate, settled."""
        crew, ended = self._crew, self._crew.ended.is_set
        if not crew.budget.reserve(top, ended):
            raise _RunEnded(result) if ended() else _NoBudget(result)
        sent: Attempt | None = None
        try:
            turn = crew.rate_limiter.wait_for_turn(ended)
            if turn is None:
                raise _RunEnded(result)
            claim = replace(
                result,
                status=Status.DOUBTFUL,
                attempts=result.attempts + (not judging),
                requests=result.requests + 1,
                uncertain=result.uncertain + (top if crew.backend.billed else ZERO_DOLLARS),
            )
            self._claimed = True
            if not crew.journal.claim(claim, fingerprint).wait():
                raise crew.journal.fatal_error or _RunEnded(result)
            turn = self._acquire_slot(turn)
            if turn is None:
                raise _RunEnded(result)
            try:
                sent = self._send_request(request, top)
                self._report_to_rate_limiter(
                    sent, turn
                )  # before another one passes, which may have to be held
            finally:
                crew.concurrency_limit.release()
        finally:
            if sent is None:
                crew.budget.settle(top, sent=False)
            else:
                crew.budget.settle(top, cost=sent.cost, uncertain=sent.uncertain, sent=sent.was_sent)
        return sent

    def _acquire_slot(self, turn: float) -> float | None:
        """Through the gate: the turn, or another where everybody was held since it came. None once the crew ends."""
        crew, ended = self._crew, self._crew.ended.is_set
        mine: float | None = turn
        while mine is not None and crew.concurrency_limit.acquire(ended):
            if not crew.rate_limiter.was_held_since(mine):
                return mine
            crew.concurrency_limit.release()
            mine = crew.rate_limiter.wait_for_turn(ended)
        return None

    def _send_request(self, request: Request, top: Decimal) -> Attempt:
        crew, line = self._crew, self._line
        assert line is not None  # noqa: S101
        reception = AnswerAccumulator(crew.backend, crew.model, request)
        error: PaddockError | None = None
        stopped = False
        try:
            for event in crew.client.stream_over(line, request):
                reception.add(event)
        except Cancelled:
            stopped = True
        except PaddockError as failed:
            error = strip_traceback(failed)
        answer = reception.build_answer(stopped=stopped, error=error)
        return price_attempt(answer, line.was_sent, top, crew.model, crew.backend)

    def _report_to_rate_limiter(self, sent: Attempt, turn: float) -> None:
        """Tell the pace what came of that turn."""
        pace, error = self._crew.rate_limiter, sent.answer.error
        if sent.was_sent:
            pace.report_reached()
        if sent.is_unreachable:
            pace.report_unreachable(turn)
        elif (
            error is not None and error.retryable and (sent.was_rate_limited or error.retry_after is not None)
        ):
            who = "Cloudflare" if self._crew.backend.billed else "The twin"
            pace.report_refusal(turn, error.retry_after, who)

    def _back_off(self, tries: int, result: Result) -> None:
        if self._crew.ended.wait(backoff_seconds(BACKOFF_SECONDS, tries)):
            raise _RunEnded(result)
