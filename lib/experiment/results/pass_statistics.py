"""Statistics of pass rates: confidence intervals, the significance of a difference, quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
SIGNIFICANCE_LEVEL = 0.05  # the largest p-value of a significant difference


@dataclass(frozen=True)
class Interval:
    """Bounds of the true value. Shares are from 0 to 1."""

    low: float
    high: float


def wilson_interval(
    passed: int, n: int, confidence: float = CONFIDENCE, design_effect: float = 1.0
) -> Interval:
    """Return Wilson's score interval of ``passed`` of ``n``; 0 to 1 if ``n`` is 0. Raise ValueError.

    Unlike the textbook's normal interval it is right for few answers and near 0 and 1, as is usual here. With a
    ``design_effect`` the answers count as ``n`` divided by it, because some of them resemble each other.
    """
    if not 0 <= passed <= n:
        raise ValueError(f"{passed} of {n}")
    if n == 0:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = passed / n
    n_effective = n / design_effect
    middle = share + z * z / (2 * n_effective)
    around = z * sqrt((share * (1 - share) + z * z / (4 * n_effective)) / n_effective)
    scale = 1 + z * z / n_effective
    # At the ends the bound is exact; computed, it would be off by rounding.
    low = 0.0 if passed == 0 else (middle - around) / scale
    high = 1.0 if passed == n else (middle + around) / scale
    return Interval(low, high)


def mcnemar_p_value(better: int, worse: int) -> float:
    """Return the exact two-sided p-value of McNemar's test: how often chance splits the pairs so unevenly.

    Pairs with equal results do not matter.
    """
    n = better + worse
    term, tail = 1, 1  # binomial coefficients, as integers: nothing is rounded
    for k in range(min(better, worse)):
        term = term * (n - k) // (k + 1)
        tail += term
    share: float = 2 * tail / 2**n
    return min(1.0, share)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the quantile of the sorted values, which must not be empty, with linear interpolation."""
    place = share * (len(ordered) - 1)
    low, high = floor(place), ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
