"""Comparison of two settings, prompts or runs on the same inputs: what got better, what got worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lib.experiment.plan import Cell, Plan
from lib.experiment.plan_grid import variants
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.results.cell_result import Result
from lib.experiment.results.pass_statistics import mcnemar_p_value


class PairChange(Enum):
    """The change of a cell's verdict from the first to the second."""

    BETTER = "better"  # failed first, then passed
    WORSE = "worse"
    SAME = "same"
    UNCLEAR = "unclear"  # one of the two was not judged


@dataclass(frozen=True)
class ResultPair:
    """Two results of the same input."""

    first: Result
    second: Result

    @property
    def change(self) -> PairChange:
        before, after = self.first.passed, self.second.passed
        if before is None or after is None:
            return PairChange.UNCLEAR
        if before == after:
            return PairChange.SAME
        return PairChange.BETTER if after else PairChange.WORSE


@dataclass(frozen=True)
class PairedComparison:
    """All pairs, in the order of the first's cells. ``unmatched`` counts the results without a partner."""

    pairs: tuple[ResultPair, ...]
    unmatched: int

    @property
    def counts(self) -> Counter[PairChange]:
        return Counter(pair.change for pair in self.pairs)

    @property
    def judged(self) -> int:
        """Return the number of pairs in which both were judged."""
        return len(self.pairs) - self.counts[PairChange.UNCLEAR]

    @property
    def p_value(self) -> float | None:
        """Return McNemar's exact p-value, None if no pair was judged."""
        counts = self.counts
        return mcnemar_p_value(counts[PairChange.BETTER], counts[PairChange.WORSE]) if self.judged else None

    @property
    def passed(self) -> tuple[int, int]:
        """Return how many of the judged pairs pass in the first, and in the second."""
        judged = [pair for pair in self.pairs if pair.change is not PairChange.UNCLEAR]
        passed_first = sum(bool(pair.first.passed) for pair in judged)
        return passed_first, sum(bool(pair.second.passed) for pair in judged)


def compare_variants(results: Iterable[Result], first: int, second: int) -> PairedComparison:
    """Compare two settings on the same prompts and inputs."""
    return _compare_groups(
        results, lambda cell: (cell.variant, (cell.prompt, cell.row, cell.repetition)), first, second
    )


def compare_prompts(results: Iterable[Result], first: int, second: int) -> PairedComparison:
    """Compare two prompt versions under the same settings, on the same inputs."""
    return _compare_groups(
        results, lambda cell: (cell.prompt, (cell.variant, cell.row, cell.repetition)), first, second
    )


def compare_runs(
    before: tuple[ResolvedPlan, Iterable[Result]], after: tuple[ResolvedPlan, Iterable[Result]]
) -> PairedComparison:
    """Compare two runs of an experiment: the same inputs under the same settings, whatever their indexes are.

    Prompts of the same name are compared or, if no name is in both, those of the same index.
    """
    (resolved_old, results), (resolved_new, others) = before, after
    old, new = resolved_old.plan, resolved_new.plan
    prompt_of = _same_prompts(old, new)
    shared = [name for name in old.inputs.columns if name in new.inputs.columns]
    old_rows, new_rows = _row_keys(old, shared), _row_keys(new, shared)
    old_ways, new_ways = map(_variant_keys, (resolved_old, resolved_new))
    first = {
        (prompt_of[cell.prompt], old_rows[cell.row], old_ways[cell.variant], cell.repetition): result
        for result in results
        if (cell := result.cell).prompt in prompt_of
    }
    second = {
        (cell.prompt, new_rows[cell.row], new_ways[cell.variant], cell.repetition): result
        for result in others
        if (cell := result.cell).prompt in prompt_of.values()
    }
    return _match(first, second)


def _compare_groups(
    results: Iterable[Result], side_and_key: Callable[[Cell], tuple[int, Hashable]], first: int, second: int
) -> PairedComparison:
    sides: dict[int, dict[Hashable, Result]] = {first: {}, second: {}}
    for result in results:
        side, key = side_and_key(result.cell)
        if side in sides:
            sides[side][key] = result
    return _match(sides[first], sides[second])


def _match(first: Mapping[Any, Result], second: Mapping[Any, Result]) -> PairedComparison:
    pairs = [ResultPair(result, second[key]) for key, result in first.items() if key in second]
    pairs.sort(key=lambda pair: pair.first.cell.number)
    return PairedComparison(tuple(pairs), len(first) + len(second) - 2 * len(pairs))


def _same_prompts(old: Plan, new: Plan) -> Mapping[int, int]:
    names = {prompt.name: number for number, prompt in enumerate(new.prompts)}
    same = {number: names[prompt.name] for number, prompt in enumerate(old.prompts) if prompt.name in names}
    return same or {number: number for number in range(min(len(old.prompts), len(new.prompts)))}


def _row_keys(plan: Plan, columns: Sequence[str]) -> Sequence[Hashable]:
    """Return a key for each row: its texts in these columns, and a counter that tells equal rows apart."""
    if not plan.inputs.rows:
        return [()]
    places = [plan.inputs.columns.index(name) for name in columns]
    return _tell_apart(tuple(row[place] for place in places) for row in plan.inputs.rows)


def _variant_keys(resolved: ResolvedPlan) -> Sequence[Hashable]:
    """Return a key for each variant: what it sends, and a counter that tells equal variants apart."""
    all_settings = ((variant.settings, variant.system) for variant in variants(resolved))
    return _tell_apart(
        (settings.model, frozenset(settings.sent_values().items()), settings.features, system)
        for settings, system in all_settings
    )


def _tell_apart(contents: Iterable[Hashable]) -> list[Hashable]:
    """Return each content with the number of equal ones before it."""
    occurrences: Counter[Hashable] = Counter()
    keys: list[Hashable] = []
    for content in contents:
        keys.append((content, occurrences[content]))
        occurrences[content] += 1
    return keys
