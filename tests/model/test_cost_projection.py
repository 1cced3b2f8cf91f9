"""The cost of many answers, and the answers that a budget buys: exact and consistent with each other."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, strategies

from lib.errors import BadInput
from lib.model import model_record
from lib.model.cost_projection import DAYS_PER_MONTH, answers_within_budget, project_cost
from lib.model.usage import Usage

PRICE = model_record.default_model().price
SIZES = strategies.builds(Usage, strategies.integers(1, 60_000), strategies.integers(0, 60_000))
ANSWERS = strategies.integers(1, 10**9)
DAYS = strategies.sampled_from([1, DAYS_PER_MONTH])


def test_figures_computed_by_hand() -> None:
    # 500 tokens in and 256 out: 500 × 2,457 + 256 × 18,252 = 5,901,012 millionths of a neuron each.
    projection = project_cost(Usage(500, 256), 5000, 1, PRICE)
    assert projection.neurons == Decimal("29505.06")
    assert projection.free == 10_000
    assert projection.free_answers == 1694
    assert projection.to_pay == Decimal("0.21455566")  # 19,505.06 neurons at $0.011 per 1,000
    assert projection.dollars == Decimal("0.3235")  # (500 × $0.027 + 256 × $0.20) / 1,000,000 × 5,000


def test_a_month_has_the_allocation_of_each_of_its_days() -> None:
    projection = project_cost(Usage(500, 256), 50_000, DAYS_PER_MONTH, PRICE)
    assert projection.neurons == Decimal("295050.6")
    assert (projection.free, projection.to_pay) == (projection.neurons, 0)
    assert projection.free_answers == 50_838  # 300,000 neurons / 5.901012


@given(SIZES, ANSWERS, DAYS)
def test_exact(usage: Usage, answers: int, days: int) -> None:
    projection = project_cost(usage, answers, days, PRICE)
    each = Fraction(usage.prompt_tokens * 2457 + usage.completion_tokens * 18252, 10**6)
    beyond = max(each * answers - 10_000 * days, Fraction(0))
    assert Fraction(projection.neurons) == each * answers
    assert Fraction(projection.free) + beyond == each * answers
    assert Fraction(projection.to_pay) == beyond * Fraction(11, 10**6)
    assert Fraction(projection.dollars) == Fraction(
        (usage.prompt_tokens * 27 + usage.completion_tokens * 200) * answers, 10**9
    )
    assert projection.free_answers == (10_000 * days) // each


@given(SIZES, strategies.decimals(0, 10**6, places=2), DAYS)
def test_a_budget_buys_as_many_as_it_pays_for_and_not_one_more(
    usage: Usage, budget: Decimal, days: int
) -> None:
    projection = answers_within_budget(usage, budget, days, PRICE)
    assert project_cost(usage, projection.with_allocation, days, PRICE).to_pay <= budget
    assert project_cost(usage, projection.with_allocation + 1, days, PRICE).to_pay > budget
    assert project_cost(usage, projection.listed, days, PRICE).dollars <= budget
    assert project_cost(usage, projection.listed + 1, days, PRICE).dollars > budget


def test_nothing_to_spend_buys_what_is_free() -> None:
    projection = answers_within_budget(Usage(500, 256), Decimal(0), 1, PRICE)
    assert (projection.with_allocation, projection.listed) == (1694, 0)


def test_an_answer_without_tokens_is_refused() -> None:
    with pytest.raises(BadInput):
        project_cost(Usage(0, 0), 10, 1, PRICE)
    with pytest.raises(BadInput):
        answers_within_budget(Usage(0, 0), Decimal(1), 1, PRICE)
