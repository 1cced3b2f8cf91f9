"""Memory: what the database knows of a batch that was run before, and what is to be done about each cell."""

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
from lib.store import StoredCell


@dataclass(frozen=True)
class RecoveredCells:
    """``results`` are over; ``again`` are to be asked, or judged, by themselves. ``rows``: the cells with a row."""

    results: tuple[Result, ...]
    to_ask: tuple[Result, ...]
    saved_numbers: frozenset[int]
    last_position: int


def recover_cells(plan: Plan, billed: bool, cells: Iterable[StoredCell]) -> RecoveredCells:
    """Sorted by what is to be done.

    A cell that was on its way when Paddock was killed may have been paid. Where nothing is, it is asked again by
    itself; else it stays in doubt, its cost counted at the most, until somebody has it asked again.
    """
    results, again, rows, position = [], [], set(), 0
    for one in cells:
        result = one.result
        rows.add(result.cell.number)
        position = max(position, one.position)
        if one.is_waiting:
            again.append(result)
        elif result.status is Status.DOUBTFUL and not billed:
            again.append(result if result.answer is None else replace(result, status=Status.ANSWERED))
        elif result.status is Status.DOUBTFUL and result.answer is not None:
            results.append(_judge_without_llm(plan, result))
        else:
            results.append(result)
    return RecoveredCells(tuple(results), tuple(again), frozenset(rows), position)


def _judge_without_llm(plan: Plan, result: Result) -> Result:
    """An answer whose judge was being asked: what is judged without one is judged now."""
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


def recovered_spending(memory: RecoveredCells) -> Spending:
    """What it has taken of its budget."""
    every = (*memory.results, *memory.to_ask)
    return Spending(
        requests=sum(one.requests for one in every),
        dollars=sum((one.cost for one in every), ZERO_DOLLARS),
        uncertain=sum((one.uncertain for one in every), ZERO_DOLLARS),
    )
