"""Results of several models whose truth the test knows: which answers pass, and what each model costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from lib.chat.answer import Answer
from lib.experiment.checks.check_kinds import CheckOutcome, Equals
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Cell, Plan, PromptVersion
from lib.experiment.plan_models import ModelGroups
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.model_comparison import ModelComparison, compare_models
from lib.model.settings import Settings
from lib.model.usage import Usage
from tests.experiment.results.sample_results import MODEL, make_answer

Passes = Callable[[Cell], bool | None]


def made_up_plan(rows: int = 60, repetitions: int = 1) -> Plan:
    inputs = Inputs(("question",), tuple((f"Question {row}",) for row in range(rows)))
    return Plan(
        (PromptVersion("A", "", "{{question}}"),),
        inputs,
        Settings.defaults(MODEL),
        repetitions=repetitions,
        checks=(Equals(),),
    )


def made_up_results(plan: Plan, models: int, passes: Passes, end: int | None = None) -> list[Result]:
    """Return the results of the first ``end`` cells; the cell's variant is its model.

    ``passes`` judges a cell; None is not judged. ``models`` counts the variants of a plan of several settings.
    """
    cells = [
        Cell(0, 0, row, model, repetition)
        for repetition in range(plan.repetitions)
        for row in range(max(len(plan.inputs.rows), 1))
        for model in range(models)
    ]
    numbered = [Cell(number, 0, cell.row, cell.variant, cell.repetition) for number, cell in enumerate(cells)]
    return [
        Result(
            cell,
            Status.ANSWERED,
            _answer_of(plan, cell.variant),
            (CheckOutcome(passes(cell), ""),),
        )
        for cell in numbered[:end]
    ]


def _answer_of(plan: Plan, variant: int) -> Answer:
    answer = make_answer("Paris", usage=Usage(100, 200))
    if not plan.models:
        return answer
    return replace(answer, request=replace(answer.request, model=plan.models[variant % len(plan.models)]))


def compare_made_up(
    plan: Plan, names: Sequence[str], prices: Sequence[str | None], passes: Passes, end: int | None = None
) -> ModelComparison:
    """Compare models whose every answer costs a thousandth of its price, or is of unknown price."""
    groups = ModelGroups(tuple(names))

    def dollars_of(result: Result) -> Decimal | None:
        price = prices[result.cell.variant]
        return None if price is None else Decimal(price) / 1000

    return compare_models(plan, groups, made_up_results(plan, len(names), passes, end), dollars_of)
