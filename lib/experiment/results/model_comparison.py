"""Comparison of the models of a run: pass share against price, and which differences chance could explain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from lib.chat.answer_cost import answer_cost
from lib.experiment.plan import Plan
from lib.experiment.plan_models import ModelGroups, ResolvedPlan, group_by_model
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.clustered_statistics import (
    InputCount,
    InputPair,
    difference_interval,
    holm_adjusted,
    share_interval,
    sign_flip_p_value,
)
from lib.experiment.results.pass_statistics import SIGNIFICANCE_LEVEL, Interval
from lib.experiment.results.result_summary import ResultTally

_THOUSAND = Decimal(1000)


@dataclass(frozen=True)
class ModelFigures:
    """Figures of one model. ``dollars`` is the mean price of 1,000 of its answers, None if it is not known.

    ``interval`` is the 95 % interval of its pass share, which counts inputs. ``is_on_front``: no other model passes
    as often or more often for the same price or less, and is better in one of the two.
    """

    number: int
    name: str
    tally: ResultTally
    interval: Interval
    dollars: Decimal | None
    is_on_front: bool = False


@dataclass(frozen=True)
class ModelDifference:
    """Two models on the inputs that both were judged on; the numbers are their places.

    ``points`` is the second's share less the first's, from -1 to 1, with its 95 % interval. ``p_value`` is that of
    this pair alone, ``adjusted_p_value`` the one corrected for all pairs of the run.
    """

    first: int
    second: int
    points: float
    interval: Interval
    p_value: float
    adjusted_p_value: float

    @property
    def is_clear(self) -> bool:
        """Return True if chance alone would rarely make such a difference in any of the pairs."""
        return self.adjusted_p_value < SIGNIFICANCE_LEVEL

    def reversed(self) -> ModelDifference:
        """Return the first against the second."""
        interval = Interval(-self.interval.high, -self.interval.low)
        return ModelDifference(
            self.second, self.first, -self.points, interval, self.p_value, self.adjusted_p_value
        )


@dataclass(frozen=True)
class ModelComparison:
    """All models that were asked, in the plan's order, and each pair with shared inputs.

    ``input_count`` is the number of inputs that the judged answers belong to. If all belong to the same one,
    ``is_by_input`` is False and each answer counts by itself.
    """

    models: tuple[ModelFigures, ...]
    differences: tuple[ModelDifference, ...]
    input_count: int
    is_by_input: bool

    def difference(self, first: int, second: int) -> ModelDifference | None:
        """Return the second model against the first, None if they share no judged input."""
        for pair in self.differences:
            if (pair.first, pair.second) == (first, second):
                return pair
            if (pair.first, pair.second) == (second, first):
                return pair.reversed()
        return None

    @property
    def by_price(self) -> list[ModelFigures]:
        """Return the models that were judged, the cheapest first; those of unknown price come last."""
        judged = [model for model in self.models if model.tally.judged]
        return sorted(judged, key=lambda model: (model.dollars is None, model.dollars or 0, model.number))

    @property
    def enough(self) -> ModelFigures | None:
        """Return the cheapest model that no other clearly beats, None if no answer was judged."""
        by_price = self.by_price
        unbeaten = [model for model in by_price if not any(self._is_beaten(model, by) for by in by_price)]
        # Pairs that do not share all inputs could beat each other in a circle.
        return next(iter(unbeaten or by_price), None)

    def _is_beaten(self, model: ModelFigures, by: ModelFigures) -> bool:
        pair = self.difference(model.number, by.number)
        return pair is not None and pair.is_clear and pair.points > 0

    @property
    def can_be_clear(self) -> bool:
        """Return False if there are too few inputs for any difference to be clear, however large it is."""
        return 2.0 ** (1 - self.input_count) * max(len(self.differences), 1) < SIGNIFICANCE_LEVEL


def compare_asked_models(resolved: ResolvedPlan, results: Iterable[Result]) -> ModelComparison | None:
    """Compare the models that a plan asks, at their listed prices; None if it asks only one."""
    if (groups := group_by_model(resolved.plan)) is None:
        return None

    def listed_dollars(result: Result) -> Decimal | None:
        cost = None if result.answer is None else answer_cost((result.answer,), resolved.find_model)
        return None if cost is None else cost.listed

    return compare_models(resolved.plan, groups, results, listed_dollars)


def compare_models(
    plan: Plan,
    groups: ModelGroups,
    results: Iterable[Result],
    dollars_of: Callable[[Result], Decimal | None],
) -> ModelComparison:
    """Compare the models on the same prompts and inputs.

    ``dollars_of`` returns the price of an answer, None if it is not known.
    """
    tallies: dict[int, ResultTally] = defaultdict(ResultTally)
    dollars: dict[int, list[Decimal]] = defaultdict(list)
    verdicts: dict[int, dict[Hashable, bool]] = defaultdict(dict)
    inputs: dict[Hashable, Hashable] = {}
    has_many_rows = len(plan.inputs.rows) > 1
    for result in results:
        cell, model = result.cell, groups.model_of(result.cell.variant)
        tallies[model].add(result)
        if result.status is Status.ANSWERED and (cost := dollars_of(result)) is not None:
            dollars[model].append(cost)
        if (passed := result.passed) is not None:
            key = (groups.setting_of(cell.variant), cell.prompt, cell.row, cell.repetition)
            verdicts[model][key] = passed
            # Without several inputs, each answer stands for itself.
            inputs[key] = cell.row if has_many_rows else key
    figures = [
        ModelFigures(
            number,
            groups.names[number],
            tally,
            share_interval(_count_by_input(verdicts[number], inputs)),
            sum(dollars[number], Decimal(0)) / len(dollars[number]) * _THOUSAND if dollars[number] else None,
        )
        for number, tally in sorted(tallies.items())
    ]
    return ModelComparison(
        _mark_front(figures), _compare_pairs(verdicts, inputs), len(set(inputs.values())), has_many_rows
    )


def _count_by_input(
    verdicts: Mapping[Hashable, bool], inputs: Mapping[Hashable, Hashable]
) -> list[InputCount]:
    counts: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
    for key, passed in verdicts.items():
        count = counts[inputs[key]]
        count[0] += passed
        count[1] += 1
    return [InputCount(passed, n) for passed, n in counts.values()]


def _compare_pairs(
    verdicts: Mapping[int, Mapping[Hashable, bool]], inputs: Mapping[Hashable, Hashable]
) -> tuple[ModelDifference, ...]:
    """Return each pair of models with shared inputs; their p-values are corrected together."""
    found = []
    for first, second in combinations(sorted(verdicts), 2):
        if pairs := _pair_by_input(verdicts[first], verdicts[second], inputs):
            n = sum(pair.n for pair in pairs)
            changes = [pair.second - pair.first for pair in pairs]
            found.append(
                (first, second, sum(changes) / n, difference_interval(pairs), sign_flip_p_value(changes))
            )
    adjusted = holm_adjusted([p_value for *_, p_value in found])
    return tuple(ModelDifference(*pair, p_value) for pair, p_value in zip(found, adjusted, strict=True))


def _pair_by_input(
    first: Mapping[Hashable, bool], second: Mapping[Hashable, bool], inputs: Mapping[Hashable, Hashable]
) -> list[InputPair]:
    counts: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0, 0])
    for key, passed in first.items():
        if (other := second.get(key)) is not None:
            count = counts[inputs[key]]
            count[0] += passed
            count[1] += other
            count[2] += 1
    return [InputPair(*count) for count in counts.values()]


def _mark_front(models: Sequence[ModelFigures]) -> tuple[ModelFigures, ...]:
    return tuple(
        ModelFigures(
            model.number,
            model.name,
            model.tally,
            model.interval,
            model.dollars,
            is_on_front=_is_comparable(model) and not any(_dominates(other, model) for other in models),
        )
        for model in models
    )


def _is_comparable(model: ModelFigures) -> bool:
    return model.dollars is not None and model.tally.pass_rate is not None


def _dominates(other: ModelFigures, model: ModelFigures) -> bool:
    """Return True if the other passes as often for as little, and is better in one of the two."""
    share, dollars = other.tally.pass_rate, other.dollars
    own_share, own_dollars = model.tally.pass_rate, model.dollars
    if share is None or dollars is None or own_share is None or own_dollars is None:
        return False
    return share >= own_share and dollars <= own_dollars and (share, dollars) != (own_share, own_dollars)
