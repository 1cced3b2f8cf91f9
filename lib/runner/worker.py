"""A worker thread of an experiment run: sends one cell after another within rate limit and budget, and checks it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from lib import errors
from lib.api.backend import Backend
from lib.api.cancellation import Cancelled
from lib.api.client import WorkersAI
from lib.api.persistent_connection import PersistentConnection
from lib.api.request import Messages, Request
from lib.api.retries import backoff_seconds
from lib.chat.answer_accumulator import AnswerAccumulator, internal_error, strip_traceback
from lib.experiment import plan_grid
from lib.experiment.checks.check_evaluation import evaluate_check
from lib.experiment.checks.check_kinds import CheckOutcome, Judge
from lib.experiment.checks.llm_judge import judge_request, read_verdict
from lib.experiment.plan import Limits
from lib.experiment.plan_estimate import max_cost
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.results.cell_result import Result, Status
from lib.model.model_record import Model
from lib.runner.attempt import Attempt, is_fatal, price_attempt
from lib.runner.budget import ZERO_DOLLARS, Budget
from lib.runner.cell_queue import CellJob, CellQueue
from lib.runner.concurrency_limit import ConcurrencyLimit
from lib.runner.rate_limit import RateLimiter
from lib.runner.result_journal import ResultJournal

# Rate limit refusals of one request: they cost nothing, but another program may use up the account's rate for ever.
MAX_REFUSALS = 25
MAX_FAILURES_IN_ROW = 20  # cells that the service failed
BACKOFF_SECONDS = 0.5  # before the second attempt; doubled each time
NO_BUDGET = "The budget leaves nothing for the judge."
JUDGE_IN_DOUBT = "The run ended while the judge was being asked; this may have cost money."


@dataclass
class WorkerContext:
    """The objects that all workers of one start share. ``ended`` is set when nothing more may be sent.

    A worker calls ``halt`` to end them all, with the error, or with None if the budget is used up.
    """

    client: WorkersAI
    backend: Backend
    resolved: ResolvedPlan
    limits: Callable[[], Limits]
    queue: CellQueue
    rate_limiter: RateLimiter
    budget: Budget
    journal: ResultJournal
    halt: Callable[[errors.PaddockError | None], None]
    concurrency_limit: ConcurrencyLimit
    ended: threading.Event = field(default_factory=threading.Event)
    failures_in_row: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def model_of(self, request: Request) -> Model:
        """Return the model that a request asks."""
        return self.resolved.model_of(request.model)


def worker_count(limits: Limits) -> int:
    """Return the number of workers: a quarter more than requests in flight, to claim the next cells meanwhile.

    After a kill, claimed cells are in doubt too, so the spare workers are few.
    """
    return limits.concurrency + limits.concurrency // 4


class _Interrupted(Exception):
    """The base of the next three, with the result so far."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


class _RunEnded(_Interrupted):
    """The run ends before this request was sent; it is to be sent later."""


class _NoBudget(_RunEnded):
    """The budget has no room for the request."""


class _RequestCancelled(_Interrupted):
    """The request was cancelled in flight, and may have been paid."""


class Worker:
    """A thread. ``number`` counts from 0; if fewer workers are wanted, the highest numbers end first."""

    def __init__(self, context: WorkerContext, number: int) -> None:
        self._context = context
        self._number = number
        self._connection: PersistentConnection | None = None
        self._claimed = False  # the journal holds a claim for the current cell
        self._sent_result: Result | None = None  # the current cell's, with every request that was sent for it
        self._thread = threading.Thread(target=self._run_jobs, name=f"paddock-batch-{number}", daemon=True)

    def start(self) -> Worker:
        """Start the thread, and return the worker itself."""
        self._thread.start()
        return self

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most ``timeout`` seconds. Return False if it still works."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Cancel the request in flight at once."""
        if self._connection is not None:
            self._connection.cancel_token.cancel()

    def _run_jobs(self) -> None:
        context = self._context
        try:
            self._connection = context.client.open_connection(context.backend.without_cache())
            while not context.ended.is_set() and self._number < worker_count(context.limits()):
                try:
                    job = context.queue.take_next()
                except errors.StorageFailed as error:  # the queue looks up earlier answers in the store
                    if not error.retryable:
                        raise
                    context.ended.wait(1.0)
                    continue
                if job is None:
                    return
                self._run_job(job)
        except errors.PaddockError as error:
            context.halt(strip_traceback(error))
        except Exception as error:  # a bug ends the run with an error
            context.halt(internal_error(error))
        finally:
            if self._connection is not None:
                self._connection.close()

    def _run_job(self, job: CellJob) -> None:
        context = self._context
        self._claimed, self._sent_result = job.previous is not None, None
        try:
            result = self._sent_result = self._ask(job)
            if result.status is Status.ANSWERED:
                result = self._evaluate_checks(job, result)
            context.journal.write(result, job.fingerprint)
            context.queue.settle(job, result)
            self._count_failures(result)
        except _RequestCancelled as cut:
            context.journal.write(cut.result, job.fingerprint)
            context.queue.settle(job, cut.result)
        except _RunEnded as ended:
            if self._claimed:  # the database holds it as possibly sent
                context.journal.write(ended.result, job.fingerprint, waiting=True)
            context.queue.put_back(job, ended.result)
            if isinstance(ended, _NoBudget):
                context.halt(None)
        except BaseException:
            if self._claimed and self._sent_result is not None:
                context.journal.write(self._sent_result, job.fingerprint, waiting=True)
            context.queue.put_back(job, self._sent_result or job.previous)
            raise

    def _count_failures(self, result: Result) -> None:
        """Halt the run after MAX_FAILURES_IN_ROW failures of the service."""
        context, error = self._context, None if result.answer is None else result.answer.error
        with context.lock:
            if isinstance(
                error, (errors.ServiceFailed, errors.NoCapacity, errors.Unintelligible, errors.Unreachable)
            ):
                context.failures_in_row += 1
            else:
                context.failures_in_row = 0
            enough = context.failures_in_row == MAX_FAILURES_IN_ROW
        if enough and error is not None:
            context.halt(
                errors.PaddockError(
                    f"{MAX_FAILURES_IN_ROW} requests in a row failed, so the run waits. {error.message}",
                    advice=error.advice,
                )
            )

    def _ask(self, job: CellJob) -> Result:
        """Return the cell's result with its answer. Raises _RunEnded with the result so far."""
        context, result, request = self._context, job.initial_result, job.request
        if request is None:
            model = context.resolved.model
            nothing = Request(model.id, Messages(()), {}, stream=False)
            accumulator = AnswerAccumulator(context.backend, model, nothing)
            return replace(result, status=Status.FAILED, answer=accumulator.build_answer(error=job.problem))
        if result.status is Status.ANSWERED:  # only its judge is missing
            return result
        result = replace(result, status=Status.DOUBTFUL, answer=None, outcomes=())
        if job.known_answer is not None:
            return replace(
                result, status=Status.ANSWERED, answer=replace(job.known_answer, request=request), stored=True
            )
        for tries in itertools.count(1):
            result, attempt = self._send_with_retries(request, job.fingerprint, result)
            error = attempt.answer.error
            if error is None:
                return replace(result, status=Status.ANSWERED, answer=attempt.answer)
            if not error.retryable or tries >= context.limits().attempts:
                break
            context.journal.write(result, job.fingerprint, waiting=True)
            self._back_off(tries, result)
        return replace(result, status=Status.FAILED, answer=attempt.answer)

    def _evaluate_checks(self, job: CellJob, result: Result) -> Result:
        """Return the result with the outcome of each check. Raises _RunEnded if a judge is to be asked later."""
        context, answer = self._context, result.answer
        plan = context.resolved.plan
        if not plan.checks or answer is None:
            return result
        values = plan_grid.row_values(plan, job.cell.row)
        if any(isinstance(check, Judge) for check in plan.checks):  # saved before a judge is asked
            context.journal.write(result, job.fingerprint, waiting=True)
        earlier, outcomes = result.outcomes, []
        for number, check in enumerate(plan.checks):
            if not isinstance(check, Judge):
                outcomes.append(evaluate_check(check, answer, values))
            elif number < len(earlier) and earlier[number].passed is not None:
                outcomes.append(earlier[number])
            else:
                # The outcomes so far are saved with it, so no judge is asked twice if the run ends here.
                so_far = (*outcomes, *earlier[number:])
                result, outcome = self._ask_judge(job, check, replace(result, outcomes=so_far), values)
                outcomes.append(outcome)
        return replace(result, outcomes=tuple(outcomes))

    def _ask_judge(
        self, job: CellJob, check: Judge, result: Result, values: Mapping[str, str]
    ) -> tuple[Result, CheckOutcome]:
        context, answer = self._context, result.answer
        assert answer is not None  # noqa: S101
        try:
            request = judge_request(context.resolved.model, check, answer, values)
        except errors.BadInput as cannot:
            return result, CheckOutcome(None, cannot.message)
        for tries in itertools.count(1):
            try:
                result, attempt = self._send_with_retries(request, job.fingerprint, result)
            except _NoBudget as none:
                return none.result, CheckOutcome(None, NO_BUDGET)
            except _RequestCancelled as cut:
                return replace(cut.result, status=Status.ANSWERED), CheckOutcome(None, JUDGE_IN_DOUBT)
            error = attempt.answer.error
            if error is None or not error.retryable or tries >= context.limits().attempts:
                break
            self._back_off(tries, result)
        return result, read_verdict(attempt.answer)

    def _send_with_retries(
        self, request: Request, fingerprint: str | None, result: Result
    ) -> tuple[Result, Attempt]:
        """Return the result with the costs of one attempt, and the attempt.

        A request that was refused by the rate limit, or found no network, is sent again here. Raises _RunEnded,
        _NoBudget or _RequestCancelled.
        """
        context, judging = self._context, result.status is Status.ANSWERED
        top = max_cost(context.model_of(request), request)
        refusals = 0
        while True:
            attempt = self._attempt(request, fingerprint, result, top, judging)
            result = replace(
                result,
                cost=result.cost + attempt.cost,
                uncertain=result.uncertain + attempt.uncertain,
                requests=result.requests + attempt.was_sent,
                attempts=result.attempts + (attempt.was_sent and not judging),
            )
            self._sent_result = result
            if attempt.was_stopped:
                raise _RequestCancelled(result) if attempt.uncertain else _RunEnded(result)
            if is_fatal(attempt):
                context.halt(attempt.answer.error)
                raise _RunEnded(result)
            refusals += attempt.was_rate_limited
            if not attempt.is_unreachable and (not attempt.was_rate_limited or refusals == MAX_REFUSALS):
                return result, attempt

    def _attempt(
        self, request: Request, fingerprint: str | None, result: Result, top: Decimal, judging: bool
    ) -> Attempt:
        """Reserve the cost, wait for a turn, claim the cell, send the request and settle the cost."""
        context, ended = self._context, self._context.ended.is_set
        if not context.budget.reserve(top, ended):
            raise _RunEnded(result) if ended() else _NoBudget(result)
        attempt: Attempt | None = None
        try:
            turn = context.rate_limiter.wait_for_turn(ended)
            if turn is None:
                raise _RunEnded(result)
            claim = replace(
                result,
                status=Status.DOUBTFUL,
                attempts=result.attempts + (not judging),
                requests=result.requests + 1,
                uncertain=result.uncertain + (top if context.backend.billed else ZERO_DOLLARS),
            )
            self._claimed = True
            if not context.journal.claim(claim, fingerprint).result():
                raise context.journal.fatal_error or _RunEnded(result)
            turn = self._acquire_slot(turn)
            if turn is None:
                raise _RunEnded(result)
            try:
                attempt = self._send_request(request, top)
                self._report_to_rate_limiter(attempt, turn)  # before the next request, which may have to wait
            finally:
                context.concurrency_limit.release()
        finally:
            if attempt is None:
                context.budget.settle(top, sent=False)
            else:
                context.budget.settle(
                    top, cost=attempt.cost, uncertain=attempt.uncertain, sent=attempt.was_sent
                )
        return attempt

    def _acquire_slot(self, turn: float) -> float | None:
        """Acquire a slot. Return the turn, or a later one after a hold; None if the run ends."""
        context, ended = self._context, self._context.ended.is_set
        mine: float | None = turn
        while mine is not None and context.concurrency_limit.acquire(ended):
            if not context.rate_limiter.was_held_since(mine):
                return mine
            context.concurrency_limit.release()
            mine = context.rate_limiter.wait_for_turn(ended)
        return None

    def _send_request(self, request: Request, top: Decimal) -> Attempt:
        context, connection = self._context, self._connection
        assert connection is not None  # noqa: S101
        accumulator = AnswerAccumulator(context.backend, context.model_of(request), request)
        error: errors.PaddockError | None = None
        stopped = False
        try:
            for event in context.client.stream_over(connection, request):
                accumulator.add(event)
        except Cancelled:
            stopped = True
        except errors.PaddockError as failed:
            error = strip_traceback(failed)
        except Exception as failed:  # a bug: a request that was sent counts nevertheless
            if not connection.was_sent:
                raise
            error = internal_error(failed)
        answer = accumulator.build_answer(stopped=stopped, error=error)
        return price_attempt(answer, connection.was_sent, top, context.model_of(request), context.backend)

    def _report_to_rate_limiter(self, attempt: Attempt, turn: float) -> None:
        limiter, error = self._context.rate_limiter, attempt.answer.error
        if attempt.was_sent:
            limiter.report_reached()
        if attempt.is_unreachable:
            limiter.report_unreachable(turn)
        elif (
            error is not None
            and error.retryable
            and (attempt.was_rate_limited or error.retry_after is not None)
        ):
            service_name = "Cloudflare" if self._context.backend.billed else "The model on this computer"
            limiter.report_refusal(turn, error.retry_after, service_name)

    def _back_off(self, tries: int, result: Result) -> None:
        if self._context.ended.wait(backoff_seconds(BACKOFF_SECONDS, tries)):
            raise _RunEnded(result)
