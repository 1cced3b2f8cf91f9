"""The cost of answers: each is priced with the model that wrote it; one from an AI Gateway's cache costs nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from lib.chat.answer import Answer
from lib.model.known_models import ModelLookup
from lib.model.pricing import cost_in_dollars, cost_in_neurons, cost_of_neurons


@dataclass(frozen=True)
class AnswerCost:
    """A cost in US dollars at the listed prices, in neurons, and in dollars as Cloudflare bills those."""

    listed: Decimal
    neurons: Decimal
    billed: Decimal


def answer_cost(answers: Iterable[Answer], find_model: ModelLookup) -> AnswerCost | None:
    """Add up the cost of several answers, each counted once.

    None if no answer has a usage, or if the price of a model that was asked is not known.
    """
    counted = {answer.id: answer for answer in answers if answer.usage is not None}
    total = AnswerCost(Decimal(0), Decimal(0), Decimal(0))
    for answer in counted.values():
        if answer.usage is not None and answer.usage.from_gateway_cache:
            continue
        model = find_model(answer.request.model)
        if model is None or answer.usage is None:
            return None
        usage, price = answer.usage, model.price
        total = AnswerCost(
            total.listed + cost_in_dollars(usage, price),
            total.neurons + cost_in_neurons(usage, price),
            total.billed + cost_of_neurons(usage, price),
        )
    return total if counted else None


def count_cached_answers(answers: Iterable[Answer]) -> int:
    """Return how many answers came from an AI Gateway's cache, each counted once."""
    usages = {answer.id: answer.usage for answer in answers}
    return sum(usage is not None and usage.from_gateway_cache for usage in usages.values())
