"""Recover a run from the database: which cells have a result, and which are to be sent again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lib.experiment import plan_grid
from lib.experiment.checks.check_evaluation import evaluate_check
from lib.experiment.checks.check_kinds import CheckOutcome, Judge
from lib.experiment.plan import Plan
from lib.experiment.results.cell_result import Result, Status
from lib.runner.budget import ZERO_DOLLARS, Spending
from lib.runner.worker import JUDGE_IN_DOUBT
from lib.store.stored_values import StoredCell


@dataclass(frozen=True)
class RecoveredCells:
    """``results`` are final; ``to_ask`` are sent or judged again. ``saved_numbers`` are the cells with a row."""

    results: tuple[Result, ...]
    to_ask: tuple[Result, ...]
    saved_numbers: frozenset[int]
    last_position: int


def recover_cells(plan: Plan, billed: bool, cells: Iterable[StoredCell]) -> RecoveredCells:
    """Sort the cells by what is to be done.

    A cell in flight when Paddock was killed may have been paid. A free one is sent again; a billed one stays in
    doubt, with its highest possible cost counted, until the user retries it.
    """
    results, to_ask, saved_numbers, position = [], [], set(), 0
    for cell in cells:
        result = cell.result
        saved_numbers.add(result.cell.number)
        position = max(position, cell.position)
        if cell.is_waiting:
            to_ask.append(result)
        elif result.status is Status.DOUBTFUL and not billed:
            to_ask.append(result if result.answer is None else replace(result, status=Status.ANSWERED))
        elif result.status is Status.DOUBTFUL and result.answer is not None:
            results.append(_judge_without_llm(plan, result))
        else:
            results.append(result)
    return RecoveredCells(tuple(results), tuple(to_ask), frozenset(saved_numbers), position)


def _judge_without_llm(plan: Plan, result: Result) -> Result:
    """Evaluate the remaining checks of an answer, except the judges: they may have been paid already."""
    answer, values = result.answer, plan_grid.row_values(plan, result.cell.row)
    assert answer is not None  # noqa: S101
    outcomes = list(result.outcomes)
    for check in plan.checks[len(outcomes) :]:
        outcomes.append(
            CheckOutcome(None, JUDGE_IN_DOUBT)
            if isinstance(check, Judge)
            else evaluate_check(check, answer, values)
        )
    return replace(result, status=Status.ANSWERED, outcomes=tuple(outcomes))


def recovered_spending(recovered: RecoveredCells) -> Spending:
    """Return the part of the budget that the run has used."""
    all_results = (*recovered.results, *recovered.to_ask)
    return Spending(
        requests=sum(result.requests for result in all_results),
        dollars=sum((result.cost for result in all_results), ZERO_DOLLARS),
        uncertain=sum((result.uncertain for result in all_results), ZERO_DOLLARS),
    )
