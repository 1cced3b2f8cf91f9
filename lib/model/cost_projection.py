"""The cost of many answers of one size, and the number of answers that a budget buys, in exact decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from lib.errors import BadInput
from lib.model.model_record import Price
from lib.model.pricing import cost_in_dollars, cost_in_neurons
from lib.model.usage import Usage

DAYS_PER_MONTH = 30  # days

_THOUSAND = Decimal(1000)


@dataclass(frozen=True)
class CostProjection:
    """The cost of ``answers`` that are spread evenly over ``days``.

    ``dollars`` is the listed price of all tokens. ``neurons`` is the total, of which the daily allocation covers
    ``free``; ``to_pay`` is the price of the rest in dollars. The allocation is enough for ``free_answers``.
    """

    answers: int
    days: int
    dollars: Decimal
    neurons: Decimal
    free: Decimal
    to_pay: Decimal
    free_answers: int


@dataclass(frozen=True)
class AffordableAnswers:
    """Answers that a budget buys: in addition to the free allocation, and at the listed price of all tokens."""

    with_allocation: int
    listed: int


def project_cost(usage: Usage, answers: int, days: int, price: Price) -> CostProjection:
    """Return the cost of so many answers of this usage each. Raises BadInput for an answer without tokens."""
    each = _neurons_per_answer(usage, price)
    allocation = price.free_neurons_a_day * days
    total = each * answers
    free = min(total, allocation)
    return CostProjection(
        answers=answers,
        days=days,
        dollars=cost_in_dollars(usage, price) * answers,
        neurons=total,
        free=free,
        to_pay=(total - free) / _THOUSAND * price.per_thousand_neurons,
        free_answers=int(allocation // each),
    )


def answers_within_budget(usage: Usage, budget: Decimal, days: int, price: Price) -> AffordableAnswers:
    """Return how many answers of this usage each a budget in dollars buys within ``days``.

    Raises BadInput for an answer without tokens.
    """
    each = _neurons_per_answer(usage, price)
    # Multiply first: a division would round before int() cuts the fraction off.
    bought = budget * _THOUSAND + price.free_neurons_a_day * days * price.per_thousand_neurons
    return AffordableAnswers(
        with_allocation=int(bought // (each * price.per_thousand_neurons)),
        listed=int(budget // cost_in_dollars(usage, price)),
    )


def _neurons_per_answer(usage: Usage, price: Price) -> Decimal:
    each = cost_in_neurons(usage, price)
    if each <= 0:
        raise BadInput(
            "A message without any tokens costs nothing.", advice="Enter tokens to read or to write."
        )
    return each
