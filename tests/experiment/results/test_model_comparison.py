"""Models are compared on made-up results whose truth is known: shares, prices, the front, and the sentence."""

from __future__ import annotations

import warnings
from dataclasses import replace
from decimal import Decimal

import pytest
from scipy.stats import binomtest

from lib.experiment.plan import Cell
from lib.experiment.plan_models import ModelGroups
from lib.experiment.results.cell_result import Status
from lib.experiment.results.model_comparison import compare_models
from lib.experiment.results.model_verdict import describe_correction, describe_models
from lib.experiment.results.pass_statistics import wilson_interval
from tests.experiment.results.made_up_models import compare_made_up, made_up_plan, made_up_results

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # theirs
    from statsmodels.stats.multitest import multipletests

NAMES = ("1B", "3B", "8B")
PRICES = ("0.10", "0.19", "0.80")


def nested(*passed: int) -> object:
    """Return made-up verdicts: model m passes the first ``passed[m]`` inputs."""
    return lambda cell: cell.row < passed[cell.variant]


def test_figures_and_front() -> None:
    comparison = compare_made_up(
        made_up_plan(100), ("1B", "3B", "8B", "dear"), (*PRICES, "0.90"), nested(60, 80, 84, 83)
    )
    assert [model.tally.passed for model in comparison.models] == [60, 80, 84, 83]
    assert [model.dollars for model in comparison.models] == [
        Decimal(price) for price in ("0.1", "0.19", "0.8", "0.9")
    ]
    assert [model.interval for model in comparison.models] == [
        wilson_interval(n, 100) for n in (60, 80, 84, 83)
    ]
    assert [model.is_on_front for model in comparison.models] == [True, True, True, False]


def test_p_values_are_scipys_and_corrected_as_statsmodels_does() -> None:
    comparison = compare_made_up(made_up_plan(100), ("a", "b", "c", "d"), ("1",) * 4, nested(60, 80, 84, 83))
    p_values = [pair.p_value for pair in comparison.differences]
    # The verdicts are nested: all pairs that differ do so in the same direction.
    leads = [80 - 60, 84 - 60, 83 - 60, 84 - 80, 83 - 80, 84 - 83]
    assert p_values == pytest.approx([binomtest(0, lead).pvalue for lead in leads])
    expected = multipletests(p_values, method="holm")[1]
    assert [pair.adjusted_p_value for pair in comparison.differences] == pytest.approx(list(expected))
    assert [pair.is_clear for pair in comparison.differences] == [True, True, True, False, False, False]


def test_the_sentence_of_three_models() -> None:
    comparison = compare_made_up(made_up_plan(100), NAMES, PRICES, nested(66, 78, 80))
    assert comparison.enough is comparison.models[1]
    lead = comparison.difference(0, 1)
    assert lead is not None
    assert lead.interval.low < 0.12 < lead.interval.high
    low, high = (f"{bound * 100:.0f}" for bound in (lead.interval.low, lead.interval.high))
    text = describe_models(comparison)
    assert text.startswith(
        f"3B passes 12 points more than 1B ({low} to {high}), for 1.9 times the price; 8B cannot be told apart "
        "from 3B ("
    )
    assert text.endswith(" points) and costs 4.2 times as much.")
    assert describe_correction(comparison).startswith("3 pairs of models were compared, so each p-value")


def test_the_cheapest_is_enough_if_nothing_is_clear() -> None:
    comparison = compare_made_up(made_up_plan(40), NAMES, PRICES, nested(30, 31, 32))
    assert comparison.enough is comparison.models[0]
    text = describe_models(comparison)
    assert text.startswith(
        "No model passes clearly more often than 1B, the cheapest; 3B cannot be told apart"
    )
    assert "; 8B cannot be told apart from 1B (" in text
    assert "and costs 8.0 times as much." in text


def test_one_pair_could_pass_for_clear_but_three_are_corrected() -> None:
    """Six of six is p = 0.03: clear for two models, and chance among three pairs."""
    two = compare_made_up(made_up_plan(40), NAMES[:2], PRICES, nested(20, 26))
    assert two.enough is two.models[1]
    assert describe_correction(two) == "The two models are compared on the same inputs."
    three = compare_made_up(made_up_plan(40), NAMES, PRICES, nested(20, 26, 26))
    assert three.differences[0].p_value == pytest.approx(0.03125)
    assert three.differences[0].adjusted_p_value == pytest.approx(0.09375)
    assert three.enough is three.models[0]


def test_repetitions_count_by_input() -> None:
    """Ten repetitions of the same three inputs are no thirty inputs."""
    comparison = compare_made_up(made_up_plan(3, repetitions=10), NAMES[:2], PRICES, nested(0, 3))
    assert comparison.input_count == 3
    assert comparison.differences[0].p_value == 0.25
    assert comparison.models[1].interval == wilson_interval(3, 3)
    assert "With 3 inputs, no difference can be called clear" in describe_correction(comparison)


def test_repetitions_of_a_plan_with_a_single_input_count_each() -> None:
    for rows in (0, 1):
        comparison = compare_made_up(
            made_up_plan(rows, repetitions=20),
            NAMES[:2],
            PRICES,
            lambda cell: cell.variant == 1 or cell.repetition < 5,
        )
        assert comparison.differences[0].p_value == binomtest(0, 15).pvalue
        assert describe_models(comparison).startswith("3B passes 75 points more than 1B")
    few = compare_made_up(made_up_plan(1), NAMES[:2], PRICES, lambda cell: cell.variant == 1)
    assert "With 1 answer, no difference" in describe_correction(few)


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        (("0.5", "0.5"), "(10 to 31), for the same price."),
        (("0", "0.12"), "(10 to 31), for $0.12 per 1,000 answers instead of nothing."),
        (("0.12", "0"), "(10 to 31), for nothing."),
        (("1", "0.25"), "(10 to 31), for 0.25 times the price."),
        (("0", "0"), "(10 to 31), for the same price."),
        ((None, "1"), "(10 to 31)."),
    ],
)
def test_prices_in_the_sentence(prices: tuple[str | None, str], words: str) -> None:
    comparison = compare_made_up(made_up_plan(60), NAMES[:2], prices, nested(30, 42))
    lead = comparison.differences[0].interval
    bounds = f"({lead.low * 100:.0f} to {lead.high * 100:.0f})"
    assert describe_models(comparison) == (
        f"3B passes 20 points more than 1B {words.replace('(10 to 31)', bounds)}"
    )


def test_unknown_and_free_prices_on_the_front() -> None:
    comparison = compare_made_up(
        made_up_plan(60), ("free", "listed", "unknown"), ("0", "1", None), nested(40, 40, 60)
    )
    assert [model.dollars for model in comparison.models] == [Decimal(0), Decimal(1000) / 1000, None]
    assert [model.is_on_front for model in comparison.models] == [True, False, False]
    # Nothing beats the model of unknown price, but nobody can call it the cheapest.
    assert comparison.enough is comparison.models[2]
    equal = compare_made_up(made_up_plan(60), NAMES[:2], ("1", "1"), nested(40, 40))
    assert [model.is_on_front for model in equal.models] == [True, True]


def test_nothing_and_everything_passes() -> None:
    plan = made_up_plan(10)
    assert describe_models(compare_made_up(plan, NAMES, PRICES, nested(0, 0, 0))) == (
        "No answer of any model passes, so none of them is enough."
    )
    assert describe_models(compare_made_up(plan, NAMES, PRICES, nested(10, 10, 10))) == (
        "Every answer of every model passes, so they cannot be told apart: 1B costs the least."
    )


def test_without_checks_and_with_one_model() -> None:
    plan = made_up_plan(10)
    unjudged = compare_made_up(plan, NAMES, PRICES, lambda _: None)
    assert unjudged.enough is None
    assert unjudged.differences == ()
    assert [model.is_on_front for model in unjudged.models] == [False] * 3
    assert describe_models(unjudged) == "No answer was judged, so no model can be called good enough."
    assert describe_correction(unjudged) == ""
    single = compare_made_up(plan, NAMES[:1], PRICES, nested(7))
    assert describe_models(single) == "1B passes 70 % (40–89 %); no other model was judged."
    empty = compare_made_up(plan, NAMES, PRICES, nested(1, 1, 1), end=0)
    assert empty.models == ()
    assert describe_models(empty).startswith("No answer was judged")


def test_an_unfinished_run_pairs_what_it_has() -> None:
    """After 100 of 300 cells, models 0 to 2 have 34, 33 and 33 answers; 33 inputs are shared."""
    comparison = compare_made_up(made_up_plan(100), NAMES, PRICES, nested(5, 30, 100), end=100)
    assert [model.tally.judged for model in comparison.models] == [34, 33, 33]
    pair = comparison.difference(0, 1)
    assert pair is not None
    assert pair.points == pytest.approx(25 / 33)
    assert comparison.difference(1, 0) == pair.reversed()
    first = compare_made_up(made_up_plan(100), NAMES, PRICES, nested(5, 30, 100), end=1)
    assert describe_models(first) == "1B passes 100 % (21–100 %); no other model was judged."


def test_models_without_shared_inputs_are_not_compared() -> None:
    def passes(cell: Cell) -> bool | None:
        return None if cell.row % 2 == cell.variant else cell.row < 30

    comparison = compare_made_up(made_up_plan(60), NAMES[:2], PRICES, passes)
    assert comparison.differences == ()
    assert describe_models(comparison) == (
        "No model passes clearly more often than 1B, the cheapest; 3B was not judged on the same inputs."
    )


def test_failures_and_answers_of_unknown_usage_have_no_price() -> None:
    plan = made_up_plan(4)
    results = made_up_results(plan, 1, lambda _: True)
    results[0] = replace(results[0], status=Status.FAILED, outcomes=())
    groups = ModelGroups(("1B",))
    prices = {1: Decimal("0.001"), 2: Decimal("0.003"), 3: None}
    comparison = compare_models(plan, groups, results, lambda result: prices[result.cell.number])
    assert comparison.models[0].dollars == 2
    assert comparison.models[0].tally.judged == 3


def test_answers_are_paired_under_the_same_settings() -> None:
    """Two models under two settings: variants 0 and 2 are the first model's."""
    plan = made_up_plan(30)
    results = made_up_results(plan, 4, lambda cell: cell.variant in (1, 2))
    groups = ModelGroups(NAMES[:2])
    comparison = compare_models(plan, groups, results, lambda _: Decimal(1))
    pair = comparison.differences[0]
    # The first passes under the second setting only, the other under the first only: thirty times each.
    assert pair.points == 0
    assert pair.p_value == 1
    assert comparison.models[0].tally.judged == 60
