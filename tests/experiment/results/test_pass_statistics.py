"""Intervals, p-values and quantiles agree with scipy, statsmodels and numpy to 1e-9, edge cases included."""

from __future__ import annotations

import random
import warnings

import numpy
import pytest
from scipy.stats import binomtest

from lib.experiment.results.pass_statistics import mcnemar_p_value, quantile, wilson_interval

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # theirs
    from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
    from statsmodels.stats.proportion import proportion_confint

CLOSE = 1e-9
DICE = random.Random(5)
COUNTS = [(passed, n) for n in range(1, 9) for passed in range(n + 1)]
COUNTS += [(DICE.randint(0, n), n) for n in (DICE.randint(1, 100_000) for _ in range(300))]
COUNTS += [(0, 10_000), (10_000, 10_000), (1, 10_000), (9_999, 10_000), (46, 50), (41, 50)]


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.99, 0.9999])
def test_wilson(confidence: float) -> None:
    for passed, n in COUNTS:
        result = wilson_interval(passed, n, confidence)
        low, high = proportion_confint(passed, n, alpha=1 - confidence, method="wilson")
        scipys = binomtest(passed, n).proportion_ci(confidence, method="wilson")
        assert (result.low, result.high) == pytest.approx((low, high), abs=CLOSE)
        assert (result.low, result.high) == pytest.approx((scipys.low, scipys.high), abs=CLOSE)
        assert 0 <= result.low <= passed / n <= result.high <= 1
        assert (result.low == 0) == (passed == 0)
        assert (result.high == 1) == (passed == n)


def test_wilson_of_nothing_and_of_nonsense() -> None:
    assert (wilson_interval(0, 0).low, wilson_interval(0, 0).high) == (0, 1)
    for passed, n in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError, match=f"{passed} of {n}"):
            wilson_interval(passed, n)


def test_mcnemar() -> None:
    pairs = [(better, worse) for better in range(12) for worse in range(12)]
    pairs += [(DICE.randint(0, 3_000), DICE.randint(0, 3_000)) for _ in range(200)]
    pairs += [(0, 1_000), (1_000, 0), (5_000, 5_000), (5_000, 4_900)]
    for better, worse in pairs:
        result = mcnemar_p_value(better, worse)
        expected = their_mcnemar([[17, better], [worse, 4]], exact=True).pvalue
        assert result == pytest.approx(min(expected, 1) if better + worse else 1, abs=CLOSE)
        if better + worse:
            assert result == pytest.approx(binomtest(better, better + worse).pvalue, abs=CLOSE)
        assert mcnemar_p_value(worse, better) == result


def test_quantile() -> None:
    for size in [*range(1, 12), 100, 9_999]:
        ordered = sorted(DICE.uniform(0, 60) for _ in range(size))
        for share in (0, 0.05, 0.5, 0.95, 1):
            assert quantile(ordered, share) == pytest.approx(numpy.quantile(ordered, share), abs=CLOSE)
