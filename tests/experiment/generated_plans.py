"""A plan about capitals, and a made-up run of it: real requests and verdicts, invented answers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from lib.chat.answer import Answer, Ending, Timings
from lib.errors import CutOff, RateLimited
from lib.experiment import cell_request, plan_grid
from lib.experiment.checks.check_evaluation import evaluate_check
from lib.experiment.checks.check_kinds import Check, Equals, Length, LengthUnit
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Axis, Cell, Plan, PromptVersion, Variant
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.results.cell_result import Result, Status
from lib.model.model_record import Model, default_model
from lib.model.pricing import cost_in_dollars
from lib.model.settings import Settings
from lib.model.usage import Usage

CHECKS: tuple[Check, ...] = (Equals(), Length(LengthUnit.WORDS, most=2))
CAPITALS = {
    "France": "Paris",
    "Italy": "Rome",
    "Japan": "Tokyo",
    "Peru": "Lima",
    "Kenya": "Nairobi",
    "Norway": "Oslo",
    "Cuba": "Havana",
    "Egypt": "Cairo",
    "Spain": "Madrid",
    "Ghana": "Accra",
}
WORDS = [
    "well",
    "the",
    "capital",
    "of",
    "that",
    "country",
    "is",
    "of",
    "course",
    "as",
    "far",
    "as",
    "anybody",
    "knows",
]


def capitals_plan(
    cells: int = 240,
    *,
    model: Model | None = None,
    axes: int = 2,
    prompts: int = 2,
    checks: tuple[Check, ...] = CHECKS,
) -> Plan:
    """Return a plan of about that many cells, with up to twelve settings and two prompts."""
    model = model or default_model()
    swept = [parameter.name for parameter in model.parameters if not parameter.effect_beyond_next_token][:2]
    grids = (Axis(swept[0], (0.1, 0.5, 0.9, 1.3)), Axis(swept[1], (0.3, 0.6, 0.9)))[:axes]
    variants = (1, 4, 12)[axes]
    rows = max(cells // (variants * prompts), 1)
    countries = list(CAPITALS.items())
    return Plan(
        (
            PromptVersion("Plain", "", "What is the capital of {{country}}?"),
            PromptVersion("Strict", "Answer with one word.", "The capital of {{country}}:"),
        )[:prompts],
        Inputs(
            ("country", "capital"),
            tuple(
                (name if number < 10 else f"{name} ({number // 10})", capital)
                for number in range(rows)
                for name, capital in [countries[number % 10]]
            ),
            "capital",
        ),
        Settings.defaults(model),
        grids,
        checks=checks,
    )


def capitals_results(
    plan: Plan, *, model: Model | None = None, seed: int = 1, skill: float = 0.75
) -> Iterator[Result]:
    """Yield the result of each cell, in the order of the run. Later settings and the second prompt do better."""
    model, chance = model or default_model(), random.Random(seed)
    variants = plan_grid.variants(ResolvedPlan(plan, model))
    for number in range(plan_grid.count_cells(plan)):
        yield capitals_result(plan, plan_grid.cell_at(plan, number), variants, model, chance, skill)


def capitals_result(
    plan: Plan, cell: Cell, variants: Sequence[Variant], model: Model, chance: random.Random, skill: float
) -> Result:
    request = cell_request.request(ResolvedPlan(plan, model), cell, variants)
    hoped = plan_grid.row_values(plan, cell.row).get(plan_grid.EXPECTED_VARIABLE, "")
    better = skill - 0.25 * cell.variant / max(len(variants), 1) + (0.15 if cell.prompt else 0)
    text = hoped if chance.random() < better else " ".join(chance.choices(WORDS, k=chance.randint(3, 40)))
    seconds, kind = chance.uniform(0.2, 3.0), chance.random()
    usage = Usage(request.estimated_prompt_tokens(), len(text.split()) * 2 + 3)
    timings, billed = Timings(seconds / 3, seconds), True
    if kind < 0.01:
        error = RateLimited("Capacity reached", advice="Wait.", code=3021, status=429, retryable=True)
        failed = Answer("", request, "Cloudflare", billed, None, Timings(None, seconds), Ending.ERROR, error)
        return Result(cell, Status.FAILED, failed, attempts=3)
    if kind < 0.016:
        return Result(cell, Status.DOUBTFUL, None)
    if kind < 0.025:
        ending, error = Ending.CUT_OFF, CutOff("The connection broke.", advice="Retry.")
        answer = Answer(text[: len(text) // 2], request, "Cloudflare", billed, usage, timings, ending, error)
    else:
        answer = Answer(text, request, "Cloudflare", billed, usage, timings, Ending.FINISHED)
    values = plan_grid.row_values(plan, cell.row)
    outcomes = tuple(evaluate_check(check, answer, values) for check in plan.checks)
    return Result(cell, Status.ANSWERED, answer, outcomes, cost_in_dollars(usage, model.price))
