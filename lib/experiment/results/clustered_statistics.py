"""Statistics of pass rates if several answers belong to the same input.

Answers to one input resemble each other, so a hundred repetitions of it say less than a hundred inputs. Everything
here counts inputs: with one answer for each input, the figures are those of ``pass_statistics``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, erfc, sqrt

from lib.experiment.results.pass_statistics import Interval, mcnemar_p_value, wilson_interval

# Beyond this many steps, the exact test takes too long and the normal distribution is as good.
_MAX_EXACT_STEPS = 200_000


@dataclass(frozen=True)
class InputCount:
    """The ``n`` answers to one input, ``passed`` of which passed."""

    passed: int
    n: int


@dataclass(frozen=True)
class InputPair:
    """The answers to one input in two groups: ``n`` matched answers in each."""

    first: int
    second: int
    n: int


def share_interval(inputs: Sequence[InputCount]) -> Interval:
    """Return the 95 % interval of the true pass share, from 0 to 1; 0 to 1 without any answer."""
    passed, n = sum(count.passed for count in inputs), sum(count.n for count in inputs)
    return wilson_interval(passed, n, design_effect=_design_effect(inputs))


def difference_interval(pairs: Sequence[InputPair]) -> Interval:
    """Return the 95 % interval of the second group's share less the first's, from -1 to 1.

    Newcombe's: the intervals of both shares, put together with regard to their correlation (Statistics in Medicine
    17, 1998, p. 2635: method 8). Unlike the textbook's interval it is right for few answers and near 0 and 1.
    """
    n = sum(pair.n for pair in pairs)
    if n == 0:
        return Interval(-1.0, 1.0)
    first, second = sum(pair.first for pair in pairs) / n, sum(pair.second for pair in pairs) / n
    low_first, low_second = (
        share_interval([InputCount(pair.first, pair.n) for pair in pairs]),
        share_interval([InputCount(pair.second, pair.n) for pair in pairs]),
    )
    correlation = _correlation(pairs, first, second)
    below = _combine(second - low_second.low, low_first.high - first, correlation)
    above = _combine(low_second.high - second, first - low_first.low, correlation)
    return Interval(max(second - first - below, -1.0), min(second - first + above, 1.0))


def sign_flip_p_value(differences: Sequence[int]) -> float:
    """Return the two-sided p-value of the inputs' differences: how often chance makes so large a sum of them.

    If two groups are equally good, each input's difference is as likely in one direction as in the other. With one
    answer for each input this is McNemar's exact test.
    """
    sizes = Counter(abs(difference) for difference in differences if difference)
    total = abs(sum(differences))
    if not sizes:
        return 1.0
    if len(sizes) == 1:
        (size,) = sizes
        more = (sizes[size] + total // size) // 2
        return mcnemar_p_value(more, sizes[size] - more)
    steps = sum(sizes.values()) * sum(size * count for size, count in sizes.items())
    if steps > _MAX_EXACT_STEPS:
        return erfc(total / sqrt(2 * sum(size * size * count for size, count in sizes.items())))
    sums: Counter[int] = Counter({0: 1})
    for size, count in sizes.items():
        flips = [(size * (2 * ups - count), comb(count, ups)) for ups in range(count + 1)]
        widened: Counter[int] = Counter()
        for reached, ways in sums.items():
            for step, more_ways in flips:
                widened[reached + step] += ways * more_ways
        sums = widened
    extreme = sum(ways for reached, ways in sums.items() if abs(reached) >= total)
    share: float = extreme / 2 ** sum(sizes.values())
    return share


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values, in the same order: with m comparisons, the smallest is multiplied by m.

    So the chance that any of the comparisons is called different although none is stays below the level.
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = largest
    return adjusted


def _design_effect(inputs: Sequence[InputCount]) -> float:
    """Return how many answers say as much as one answer to an input of its own; 1 if each input has one.

    It is the variance of the share over inputs, divided by that of as many independent answers. It is never below 1:
    with few inputs that would be chance.
    """
    counts = [count for count in inputs if count.n]
    n, passed = sum(count.n for count in counts), sum(count.passed for count in counts)
    if len(counts) < 2 or n == len(counts):
        return max(n / len(counts), 1.0) if counts else 1.0
    share = passed / n
    if passed in (0, n):  # nothing varies, as if each input's answers were all the same
        return n / len(counts)
    between = sum((count.passed - share * count.n) ** 2 for count in counts)
    variance = len(counts) / (len(counts) - 1) * between / n**2
    return max(variance / (share * (1 - share) / (n - 1)), 1.0)


def _correlation(pairs: Sequence[InputPair], first: float, second: float) -> float:
    """Return the correlation of the two groups' shares over the inputs, 0 if one of them does not vary."""
    residuals = [(pair.first - first * pair.n, pair.second - second * pair.n) for pair in pairs]
    spread = sum(a * a for a, _ in residuals) * sum(b * b for _, b in residuals)
    return sum(a * b for a, b in residuals) / sqrt(spread) if spread > 0 else 0.0


def _combine(one: float, other: float, correlation: float) -> float:
    return sqrt(max(one * one + other * other - 2 * correlation * one * other, 0.0))
