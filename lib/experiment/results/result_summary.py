"""Summary of results: counts, cost, times and pass rates by setting, by prompt and by check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from lib.experiment.plan import Plan
from lib.experiment.plan_grid import axis_values
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.pass_statistics import Interval, quantile, wilson_interval
from lib.model.model_record import Number


@dataclass
class ResultTally:
    """Counts over some results: ``passed`` of ``judged`` answers passed; ``stars`` adds up the ratings.

    ``cost`` is in dollars and includes failures; tokens and ``seconds`` are of answers.
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
        self.asked += 1
        self.cost += result.cost
        match result.status:
            case Status.ANSWERED:
                self.answered += 1
            case Status.FAILED:
                self.failed += 1
            case Status.DOUBTFUL:
                self.in_doubt += 1
        if result.usage is not None:
            self.tokens_in += result.usage.prompt_tokens
            self.tokens_out += result.usage.completion_tokens
        if result.seconds is not None and result.status is Status.ANSWERED:
            self.seconds.append(result.seconds)
        if (passed := result.passed) is not None:
            self.judged += 1
            self.passed += passed
        if result.rating is not None:
            self.rated += 1
            self.stars += result.rating

    @property
    def pass_rate(self) -> float | None:
        """Return the share that passed, None if nothing was judged."""
        return self.passed / self.judged if self.judged else None

    @property
    def interval(self) -> Interval:
        """Return Wilson's 95 % interval of the true share."""
        return wilson_interval(self.passed, self.judged)

    @property
    def mean_rating(self) -> float | None:
        """Return the mean rating, None if nothing was rated."""
        return self.stars / self.rated if self.rated else None

    @property
    def median_seconds(self) -> float | None:
        return self._seconds_quantile(0.5)

    @property
    def p95_seconds(self) -> float | None:
        return self._seconds_quantile(0.95)

    def _seconds_quantile(self, share: float) -> float | None:
        return quantile(sorted(self.seconds), share) if self.seconds else None


@dataclass
class CheckTally:
    """Counts of one check: passed, failed, or it could not tell."""

    passed: int = 0
    failed: int = 0
    unclear: int = 0

    @property
    def judged(self) -> int:
        return self.passed + self.failed

    @property
    def interval(self) -> Interval:
        """Return Wilson's 95 % interval of the true share of passes."""
        return wilson_interval(self.passed, self.judged)


class ResultSummary:
    """Counts of results, updated as they come. ``variants`` and ``prompts``, by index, have no empty groups."""

    def __init__(self, plan: Plan) -> None:
        self.total = ResultTally()
        self.variants: dict[int, ResultTally] = {}
        self.prompts: dict[int, ResultTally] = {}
        self.checks = tuple(CheckTally() for _ in plan.checks)

    def add(self, result: Result) -> None:
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
    summary = ResultSummary(plan)
    for result in results:
        summary.add(result)
    return summary


def rank_groups(tallies: Mapping[int, ResultTally]) -> list[int]:
    """Return the groups' indexes, the highest pass rate first; among equals, the cheaper group."""
    return sorted(tallies, key=lambda index: (-(tallies[index].pass_rate or 0), tallies[index].cost, index))


@dataclass(frozen=True)
class Heatmap:
    """Two swept parameters against each other. ``cells`` is keyed by the values of x and y; None: not sent.

    If other parameters are swept too, a cell covers all of their values.
    """

    x: str
    y: str
    columns: tuple[Number | None, ...]
    rows: tuple[Number | None, ...]
    cells: Mapping[tuple[Number | None, Number | None], ResultTally]


def build_heatmap(plan: Plan, results: Iterable[Result], x: str, y: str) -> Heatmap:
    """Count the results by the values of these two axes. Raise KeyError if one of them is not swept."""
    places = {axis.name: index for index, axis in enumerate(plan.axes)}
    across, down = places[x], places[y]
    cells: dict[tuple[Number | None, Number | None], ResultTally] = {}
    for result in results:
        values = axis_values(plan, result.cell.variant)
        cells.setdefault((values[across], values[down]), ResultTally()).add(result)
    return Heatmap(x, y, plan.axes[across].values, plan.axes[down].values, cells)
