"""Costs in dollars and neurons are exact."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies

from lib.chat.answer import total_usage
from lib.model import model_record
from lib.model.pricing import (
    budget_dollars,
    cost_in_dollars,
    cost_in_neurons,
    cost_of_neurons,
    estimate_tokens,
    format_dollars,
    format_exact,
)
from lib.model.usage import Usage

PRICE = model_record.default_model().price
COUNTS = strategies.integers(0, 10**9)
USAGES = strategies.builds(Usage, COUNTS, COUNTS, COUNTS, strategies.none(), strategies.booleans())


@pytest.mark.parametrize(
    ("prompt", "completion", "expected"),
    [
        (0, 0, "0"),
        (1, 0, "0.000000027"),
        (0, 1, "0.0000002"),
        (1_000_000, 0, "0.027"),
        (0, 1_000_000, "0.20"),
        (1_000_000, 1_000_000, "0.227"),
        (169, 48, "0.000014163"),
        (3, 7, "0.000001481"),
    ],
)
def test_dollars(prompt: int, completion: int, expected: str) -> None:
    cost = cost_in_dollars(Usage(prompt, completion), PRICE)
    assert type(cost) is Decimal
    assert cost == Decimal(expected)


@pytest.mark.parametrize(
    ("amount", "readable", "exact"),
    [
        ("0", "$0", "0"),
        ("1234.5678", "$1,234.57", "1,234.5678"),
        ("0.5", "$0.50", "0.5"),
        ("0.0996", "$0.0996", "0.0996"),
        ("0.00041", "$0.00041", "0.00041"),
        ("0.0001273", "$0.000127", "0.0001273"),
        ("0.009996", "$0.01", "0.009996"),
        ("0.0000002", "$0.0000002", "0.0000002"),
        ("1200.00", "$1,200.00", "1,200"),
    ],
)
def test_three_significant_digits_to_read_and_all_of_them(amount: str, readable: str, exact: str) -> None:
    assert format_dollars(Decimal(amount)) == readable
    assert format_exact(Decimal(amount)) == exact


@given(USAGES)
def test_exact(usage: Usage) -> None:
    exact = Fraction(usage.prompt_tokens * 27 + usage.completion_tokens * 200, 10**9)
    assert Fraction(cost_in_dollars(usage, PRICE)) == exact
    per_million = Fraction(usage.prompt_tokens * 2457 + usage.completion_tokens * 18252, 10**6)
    assert Fraction(cost_in_neurons(usage, PRICE)) == per_million


@given(USAGES, USAGES)
def test_the_cost_of_a_sum_is_the_sum_of_the_costs(one: Usage, other: Usage) -> None:
    assert cost_in_dollars(one + other, PRICE) == cost_in_dollars(one, PRICE) + cost_in_dollars(other, PRICE)
    assert (one + other).total_tokens == one.total_tokens + other.total_tokens
    assert (one + other).estimated == (one.estimated or other.estimated)


def test_the_neurons_that_the_backend_reports_are_used() -> None:
    assert cost_in_neurons(Usage(10, 10, neurons=Decimal("1.98")), PRICE) == Decimal("1.98")
    both = Usage(1, 1, neurons=Decimal("1.5")) + Usage(1, 1, neurons=Decimal("0.25"))
    assert both.neurons == Decimal("1.75")
    assert (both + Usage(1, 1)).neurons is None, "a part that is not known makes the sum unknown"
    assert total_usage(()) is None


@given(strategies.text(alphabet=strategies.characters()))
def test_estimate(text: str) -> None:
    assert (estimate_tokens(text) == 0) == (text == "")
    assert estimate_tokens(text) <= max(1, 4 * len(text))
    assert estimate_tokens(text + "\ud800") >= estimate_tokens(text)


def test_a_million_output_tokens_are_billed_above_the_listed_price() -> None:
    output = Usage(0, 1_000_000)
    assert cost_in_dollars(output, PRICE) == Decimal("0.2")
    assert cost_of_neurons(output, PRICE) == Decimal("0.200772")  # 18,252 neurons


@given(USAGES)
def test_a_budget_never_counts_less_than_either_price(usage: Usage) -> None:
    listed = cost_in_dollars(usage, PRICE)
    assert (
        max(listed, cost_of_neurons(usage, PRICE))
        <= budget_dollars(listed, PRICE)
        <= listed * Decimal("1.004")
    )
    # Where the neurons cost less, the listed price counts.
    cheap = replace(PRICE, per_thousand_neurons=Decimal("0.010"))
    assert budget_dollars(listed, cheap) == listed
    free = replace(PRICE, input_per_million=Decimal(0), output_per_million=Decimal(0))
    assert budget_dollars(listed, free) == listed
