"""Statistics: how sure a share of passes is, whether two of them differ, and quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
SIGNIFICANCE_LEVEL = 0.05  # a difference that chance makes more often than this is taken for chance


@dataclass(frozen=True)
class Interval:
    """Where the true value is, with the confidence that was asked for. Shares are from 0 to 1, not per cent."""

    low: float
    high: float


def wilson_interval(passed: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of ``passed`` of ``n``. Of nothing it is everything: 0 to 1. Raises ValueError.

    Unlike the textbook's interval it holds for few answers and near 0 and 1, which is where experiments are.
    """
    if not 0 <= passed <= n:
        raise ValueError(f"{passed} of {n}")
    if n == 0:
        return Interval(0.0, 1.0)
    z = _z(confidence)
    share = passed / n
    middle = share + z * z / (2 * n)
    around = z * sqrt((share * (1 - share) + z * z / (4 * n)) / n)
    scale = 1 + z * z / n
    # At the ends the bound is exact; reckoned, it would miss by a rounding.
    low = 0.0 if passed == 0 else (middle - around) / scale
    high = 1.0 if passed == n else (middle + around) / scale
    return Interval(low, high)


def mcnemar_p_value(better: int, worse: int) -> float:
    """The exact two-sided p of paired passes: how often chance alone parts ``better + worse`` so unevenly or more.

    The pairs that came out the same say nothing, and are not asked for.
    """
    n = better + worse
    term, tail = 1, 1  # of Pascal's triangle's line, as whole numbers: nothing is rounded
    for k in range(min(better, worse)):
        term = term * (n - k) // (k + 1)
        tail += term
    share: float = 2 * tail / 2**n
    return min(1.0, share)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that this share of the sorted values is not above, straight between two of them. Not of nothing."""
    place = share * (len(ordered) - 1)
    low, high = floor(place), ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
