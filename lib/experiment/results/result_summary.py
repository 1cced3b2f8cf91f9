"""Summary: results counted by setting, by prompt, by both, by row and by check, with how sure each share is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from lib.experiment.plan import Plan
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.pass_statistics import Interval, quantile, wilson_interval
from lib.model.model_record import Number


@dataclass
class ResultTally:
    """What came of some cells. ``passed`` is of ``judged``; ``rated`` of them carry a person's rating.

    ``cost`` in dollars, ``tokens_in`` and ``tokens_out`` of the answers alone, ``seconds`` one for each answer.
    """

    asked: int = 0
    answered: int = 0
    failed: int = 0
    in_doubt: int = 0
    judged: int = 0
    passed: int = 0
    cost: Decimal = Decimal(0)
    tokens_in: int = 0
    tokens_out: int = 0
    rated: int = 0
    stars: int = 0
    seconds: list[float] = field(default_factory=list, repr=False)

    def add(self, result: Result) -> None:
        """Count one more."""
        self.asked += 1
        self.cost += result.cost
        match result.status:
            case Status.ANSWERED:
                self.answered += 1
            case Status.FAILED:
                self.failed += 1
            case Status.DOUBTFUL:
                self.in_doubt += 1
        if (answer := result.answer) is not None and answer.usage is not None:
            self.tokens_in += answer.usage.prompt_tokens
            self.tokens_out += answer.usage.completion_tokens
        if answer is not None and result.status is Status.ANSWERED:
            self.seconds.append(answer.timings.total)
        if (passed := result.passed) is not None:
            self.judged += 1
            self.passed += passed
        if result.rating is not None:
            self.rated += 1
            self.stars += result.rating

    @property
    def pass_rate(self) -> float | None:
        """The share that passed, None where nothing was judged."""
        return self.passed / self.judged if self.judged else None

    @property
    def interval(self) -> Interval:
        """Where the true share is, at 95 %: Wilson's interval."""
        return wilson_interval(self.passed, self.judged)

    @property
    def mean_rating(self) -> float | None:
        """The mean rating, None where nobody rated."""
        return self.stars / self.rated if self.rated else None

    @property
    def median_seconds(self) -> float | None:
        """Half of the answers took no longer. None where there is none."""
        return self.seconds_quantile(0.5)

    @property
    def p95_seconds(self) -> float | None:
        """Nineteen of twenty answers took no longer. None where there is none."""
        return self.seconds_quantile(0.95)

    def seconds_quantile(self, share: float) -> float | None:
        """The seconds that this share of the answers did not take longer than."""
        return quantile(sorted(self.seconds), share) if self.seconds else None


@dataclass
class CheckTally:
    """What one check came to: ``unclear`` is how often it could not say."""

    passed: int = 0
    failed: int = 0
    unclear: int = 0

    @property
    def judged(self) -> int:
        """How often it could say."""
        return self.passed + self.failed

    @property
    def interval(self) -> Interval:
        """Where the true share of passes is, at 95 %."""
        return wilson_interval(self.passed, self.judged)


class ResultSummary:
    """Results, counted while they come: each is added once. All keys are the plan's numbers, from 0.

    ``pairs`` is by (prompt, variant), ``rows`` by row; what nothing has come of yet is not in them.
    """

    def __init__(self, plan: Plan) -> None:
        self.total = ResultTally()
        self.variants: dict[int, ResultTally] = {}
        self.prompts: dict[int, ResultTally] = {}
        self.checks = tuple(CheckTally() for _ in plan.checks)

    def add(self, result: Result) -> None:
        """Count one more result."""
        cell = result.cell
        self.total.add(result)
        self.variants.setdefault(cell.variant, ResultTally()).add(result)
        self.prompts.setdefault(cell.prompt, ResultTally()).add(result)
        for tally, outcome in zip(self.checks, result.outcomes, strict=False):
            match outcome.passed:
                case True:
                    tally.passed += 1
                case False:
                    tally.failed += 1
                case None:
                    tally.unclear += 1


def summarise_results(plan: Plan, results: Iterable[Result]) -> ResultSummary:
    """All of them counted."""
    summary = ResultSummary(plan)
    for result in results:
        summary.add(result)
    return summary


@dataclass(frozen=True)
class Heatmap:
    """Two swept parameters against each other. ``cells`` is by (value of x, value of y); None: not sent.

    Where other parameters are swept too, each cell holds all of their values together.
    """

    x: str
    y: str
    columns: tuple[Number | None, ...]
    rows: tuple[Number | None, ...]
    cells: Mapping[tuple[Number | None, Number | None], ResultTally]


def build_heatmap(plan: Plan, results: Iterable[Result], x: str, y: str) -> Heatmap:
    """The results by the values of the axes of these names. Raises KeyError where one of them is not swept."""
    places = {axis.name: at for at, axis in enumerate(plan.axes)}
    across, down = places[x], places[y]
    cells: dict[tuple[Number | None, Number | None], ResultTally] = {}
    for result in results:
        values = axis_values(plan, result.cell.variant)
        cells.setdefault((values[across], values[down]), ResultTally()).add(result)
    return Heatmap(x, y, plan.axes[across].values, plan.axes[down].values, cells)


def axis_values(plan: Plan, variant: int) -> tuple[Number | None, ...]:
    """What each axis is at in that variant of the grid, in the axes' order."""
    found: list[Number | None] = []
    for axis in reversed(plan.axes):  # the last axis is the fastest
        variant, at = divmod(variant, len(axis.values))
        found.append(axis.values[at])
    return tuple(reversed(found))
