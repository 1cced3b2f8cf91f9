"""Statistics of answers that share inputs: statsmodels and scipy are the judges, and results whose truth is known."""

from __future__ import annotations

import random
import warnings

import numpy
import pytest
from scipy.stats import permutation_test

from lib.experiment.results.clustered_statistics import (
    InputCount,
    InputPair,
    difference_interval,
    holm_adjusted,
    share_interval,
    sign_flip_p_value,
)
from lib.experiment.results.pass_statistics import Interval, mcnemar_p_value, wilson_interval

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # theirs
    import statsmodels.api as sm
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.proportion import proportion_confint

DICE = random.Random(11)


def holds(interval: Interval, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def test_holm_agrees_with_statsmodels() -> None:
    assert holm_adjusted([]) == []
    for _ in range(20):
        p_values = [
            DICE.choice((DICE.random(), DICE.random() / 100, 0.5, 1.0)) for _ in range(DICE.randint(1, 28))
        ]
        expected = multipletests(p_values, method="holm")[1]
        assert holm_adjusted(p_values) == pytest.approx(list(expected), abs=1e-12)


def test_one_answer_for_each_input_is_wilson_and_mcnemar() -> None:
    for n in (1, 2, 7, 60, 400):
        for passed in {0, 1, n // 2, n}:
            counts = [InputCount(number < passed, 1) for number in range(n)]
            assert share_interval(counts) == wilson_interval(passed, n)
    for better, worse in ((0, 0), (5, 0), (3, 9), (40, 21), (200, 260)):
        assert sign_flip_p_value([1] * better + [-1] * worse + [0] * 9) == mcnemar_p_value(better, worse)


def test_the_same_answer_ten_times_counts_once() -> None:
    once = [InputCount(number % 3 == 0, 1) for number in range(60)]
    tenfold = [InputCount(10 * count.passed, 10) for count in once]
    # The variance of the share over 60 inputs, not over 600 answers.
    bounds = share_interval(tenfold)
    assert (bounds.low, bounds.high) == pytest.approx(
        (share_interval(once).low, share_interval(once).high), abs=0.001
    )
    assert share_interval([InputCount(10, 10)] * 20) == wilson_interval(20, 20)
    assert share_interval([InputCount(0, 10)] * 20) == wilson_interval(0, 20)
    changes = [1] * 8 + [-1] * 2
    assert sign_flip_p_value([10 * change for change in changes]) == sign_flip_p_value(changes)


def test_answers_that_do_not_resemble_each_other_count_each() -> None:
    counts = [InputCount(5, 10)] * 30
    assert share_interval(counts) == wilson_interval(150, 300)
    assert share_interval([]) == Interval(0.0, 1.0)
    assert difference_interval([]) == Interval(-1.0, 1.0)


def test_the_design_effect_agrees_with_statsmodels() -> None:
    """The standard error behind the interval is that of a regression with one cluster for each input."""
    passed = numpy.array(
        [[DICE.random() < level for _ in range(8)] for level in numpy.linspace(0.1, 0.9, 50)]
    )
    groups = numpy.repeat(numpy.arange(50), 8)
    fit = sm.OLS(passed.ravel().astype(float), numpy.ones(400)).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    share = passed.mean()
    robust = float(fit.bse[0]) ** 2 * 50 / 49
    effective = share * (1 - share) / 399 / robust * 400
    expected = proportion_confint(share * effective, effective, method="wilson")
    result = share_interval([InputCount(int(row.sum()), 8) for row in passed])
    assert (result.low, result.high) == pytest.approx(expected, abs=1e-9)


def test_sign_flips_agree_with_scipy() -> None:
    for size in (2, 3, 6, 9, 12):
        for _ in range(12):
            changes = [DICE.randint(-3, 4) for _ in range(size)]
            expected = permutation_test(
                (numpy.array(changes, dtype=float),),
                lambda sample, axis: numpy.sum(sample, axis=axis),
                permutation_type="samples",
                n_resamples=numpy.inf,
                alternative="two-sided",
                vectorized=True,
            ).pvalue
            # scipy doubles the smaller tail; the distribution is symmetric, so that is the same.
            assert sign_flip_p_value(changes) == pytest.approx(min(float(expected), 1.0), abs=1e-9)


def test_long_runs_are_tested_with_the_normal_distribution() -> None:
    changes = [DICE.choice((-2, -1, 0, 1, 1, 2)) for _ in range(3_000)]
    signs = numpy.random.default_rng(3).choice([-1.0, 1.0], size=(4_000, len(changes)))
    simulated = signs @ numpy.array(changes, dtype=float)
    for shift in (0, 40, 90):
        moved = [*changes, *([1] * shift)]
        p_value = sign_flip_p_value(moved)
        frequency = (numpy.abs(simulated) >= abs(sum(moved))).mean()
        assert p_value == pytest.approx(frequency, abs=0.03)


@pytest.mark.parametrize("repetitions", [1, 5])
@pytest.mark.parametrize(("first", "second"), [(0.5, 0.5), (0.6, 0.8), (0.95, 0.9), (0.1, 0.02)])
def test_intervals_hold_the_truth(first: float, second: float, repetitions: int) -> None:
    """Of 400 made-up runs over 60 inputs, about 95 % of the intervals must hold the true share and difference.

    Each input is easier or harder for both models, and a repetition copies the first answer half of the time.
    """
    dice = random.Random(f"{first} {second} {repetitions}")
    share_hits = difference_hits = 0
    for _ in range(400):
        pairs = []
        for _ in range(60):
            luck = [dice.random() for _ in range(repetitions)]
            luck = [luck[0] if dice.random() < 0.5 else own for own in luck]
            shared = [dice.random() < 0.5 for _ in luck]
            others = [
                same if is_shared else dice.random() for same, is_shared in zip(luck, shared, strict=True)
            ]
            passed = (sum(value < first for value in luck), sum(value < second for value in others))
            pairs.append(InputPair(*passed, repetitions))
        share_hits += holds(share_interval([InputCount(pair.first, pair.n) for pair in pairs]), first)
        difference_hits += holds(difference_interval(pairs), second - first)
    assert share_hits >= 0.92 * 400
    assert difference_hits >= 0.92 * 400


def test_equal_models_are_rarely_called_different() -> None:
    """In 1,000 made-up runs of four equal models, at most 5 % call any of the six pairs different."""
    dice = random.Random(4)
    wrong = 0
    for _ in range(1_000):
        inputs = [[dice.random() < 0.7 for _ in range(4)] for _ in range(40)]
        p_values = [
            sign_flip_p_value([row[second] - row[first] for row in inputs])
            for first in range(4)
            for second in range(first + 1, 4)
        ]
        wrong += min(holm_adjusted(p_values)) < 0.05
    assert wrong <= 50
