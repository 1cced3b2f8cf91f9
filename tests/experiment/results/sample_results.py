"""Results of a plan about product reviews, with answers chosen by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from lib.api.request import Messages, Turn, build_request
from lib.chat.answer import Answer, Ending, Timings
from lib.errors import PaddockError
from lib.experiment import cell_request, plan_grid
from lib.experiment.checks.check_evaluation import evaluate_check
from lib.experiment.checks.check_kinds import Check, Equals
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Axis, Cell, Plan, PromptVersion
from lib.experiment.results.cell_result import Result, Status
from lib.model import model_record
from lib.model.request_options import ResponseFormat, ToolCall
from lib.model.settings import Settings
from lib.model.usage import Usage
from tests.experiment.plan_fixtures import resolve

MODEL = model_record.default_model()
NAMES = [parameter.name for parameter in MODEL.parameters]
SWEPT = [
    parameter.name
    for parameter in MODEL.parameters
    if parameter.deterministic_at is not None or parameter.name == NAMES[2]
]


def make_answer(
    text: str = "",
    *,
    calls: tuple[ToolCall, ...] = (),
    usage: Usage | None = Usage(120, 4),  # noqa: B008
    ending: Ending = Ending.FINISHED,
    error: PaddockError | None = None,
    schema: str | None = None,
    seconds: float = 0.5,
) -> Answer:
    format = None if schema is None else ResponseFormat(schema)
    request = build_request(MODEL, Messages((Turn("user", "Hi"),)), {}, stream=False, response_format=format)
    return Answer(text, request, "test", True, usage, Timings(seconds, seconds), ending, error, calls)


REVIEWS = (
    ("It broke after two days.", "negative"),
    ("Works as it should, and looks good.", "positive"),
    ("The blue one. It is blue.", "neutral"),
    ("Never again!", "negative"),
    ("I bought a second one for my mother.", "positive"),
)


def reviews_plan(
    checks: Sequence[Check] = (Equals(),),
    rows: int = 5,
    prompts: int = 2,
    repetitions: int = 2,
    axes: int = 2,
) -> Plan:
    """Return a plan that asks for the sentiment of reviews."""
    versions = (
        PromptVersion("Short", "", "Mood of this review, in one word: {{review}}"),
        PromptVersion(
            "With a role", "You label reviews.", "Review: {{review}}\nPositive, negative or neutral?"
        ),
    )
    sweeps = (Axis(SWEPT[0], (0, 0.7, 1.5)), Axis(SWEPT[1], (0.5, 0.9, None)))
    return Plan(
        versions[:prompts],
        Inputs(("review", "mood"), tuple(REVIEWS[number % 5] for number in range(rows)), "mood"),
        Settings.defaults(MODEL),
        axes=sweeps[:axes],
        repetitions=repetitions,
        checks=tuple(checks),
    )


Says = Callable[[Cell, str], str]  # what is answered, from the cell and what is expected


def reviews_results(plan: Plan, says: Says) -> Iterator[Result]:
    """Answer and judge every cell."""
    variants = plan_grid.variants(resolve(plan))
    for number in range(plan_grid.count_cells(plan)):
        cell = plan_grid.cell_at(plan, number)
        values = plan_grid.row_values(plan, cell.row)
        request = cell_request.request(resolve(plan), cell, variants)
        seconds = 0.3 + number % 7 / 10
        answer = Answer(
            says(cell, values.get("expected", "")),
            request,
            "test",
            True,
            Usage(40 + cell.row, 3),
            Timings(seconds, seconds),
            Ending.FINISHED,
        )
        outcomes = tuple(evaluate_check(check, answer, values) for check in plan.checks)
        yield Result(cell, Status.ANSWERED, answer, outcomes, Decimal("0.0000017"))
