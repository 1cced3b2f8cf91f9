"""Forecast: what many answers of one size come to, and how many a budget buys, in exact decimals."""

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
    """``answers`` within ``days``, spread evenly over them.

    ``dollars`` is the listed price of all tokens, with nothing free. ``neurons`` is what they come to, of which
    ``free`` fall within the daily allocation; ``to_pay`` is the price of the others, in dollars.
    ``free_answers`` is how many answers the allocation of these days covers.
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
    """Answers that a budget buys: on top of the free allocation, and at the listed price with nothing free."""

    with_allocation: int
    listed: int


def project_cost(one: Usage, answers: int, days: int, price: Price) -> CostProjection:
    """What so many answers come to, each of the size ``one``. Raises BadInput for an answer without tokens."""
    each = _neurons(one, price)
    allocation = price.free_neurons_a_day * days
    total = each * answers
    free = min(total, allocation)
    return CostProjection(
        answers=answers,
        days=days,
        dollars=cost_in_dollars(one, price) * answers,
        neurons=total,
        free=free,
        to_pay=(total - free) / _THOUSAND * price.per_thousand_neurons,
        free_answers=int(allocation // each),
    )


def answers_within_budget(one: Usage, budget: Decimal, days: int, price: Price) -> AffordableAnswers:
    """How many answers of that size the dollars buy within the days. Raises BadInput as ``forecast`` does."""
    each = _neurons(one, price)
    # Multiplied out: a division would round before the whole number is taken.
    bought = budget * _THOUSAND + price.free_neurons_a_day * days * price.per_thousand_neurons
    return AffordableAnswers(
        with_allocation=int(bought // (each * price.per_thousand_neurons)),
        listed=int(budget // cost_in_dollars(one, price)),
    )


def _neurons(one: Usage, price: Price) -> Decimal:
    each = cost_in_neurons(one, price)
    if each <= 0:
        raise BadInput("An answer without any token costs nothing.", advice="Enter tokens in or tokens out.")
    return each
