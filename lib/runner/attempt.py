"""Sent: what became of one attempt: whether it left, what it cost, and what it means for the others."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from lib.api.backend import Backend
from lib.chat.answer import Answer, Ending
from lib.errors import (
    AccountRefused,
    AllocationSpent,
    CredentialsRefused,
    ModelUnavailable,
    PaddockError,
    RateLimited,
    Unreachable,
)
from lib.model.model_record import Model
from lib.model.pricing import cost_in_dollars
from lib.runner.budget import ZERO_DOLLARS

_NO_LORA = 5005  # of ModelUnavailable, the one that another cell need not meet
_JSON_FAILED = 5024  # a refusal, but of an answer that was made: it may be billed


@dataclass(frozen=True)
class Attempt:
    """``left``: at least a part of the request has left this machine.

    ``cost`` is what was counted, in dollars; ``uncertain`` what may have been paid beyond it.
    """

    answer: Answer
    was_sent: bool
    cost: Decimal
    uncertain: Decimal

    @property
    def was_stopped(self) -> bool:
        """Whether it was cut off from here."""
        return self.answer.ending is Ending.STOPPED

    @property
    def was_rate_limited(self) -> bool:
        """Whether there were too many requests: it costs nothing, and says nothing of this one."""
        return self.was_sent and isinstance(self.answer.error, RateLimited)

    @property
    def is_unreachable(self) -> bool:
        """Whether no connection came about that may come about later."""
        return not self.was_sent and self.answer.error is not None and self.answer.error.retryable


def price_attempt(answer: Answer, left: bool, most: Decimal, model: Model, backend: Backend) -> Attempt:
    """The attempt with its price. ``most`` is what it can have cost at most.

    What nobody can know counts as paid: an answer without the backend's own count, a request that got no answer.
    Only a refusal is free, and what costs nothing anywhere.
    """
    counted = ZERO_DOLLARS if answer.usage is None else cost_in_dollars(answer.usage, model.price)
    exact = answer.usage is not None and not answer.usage.estimated and answer.error is None
    certain = exact or not left or _is_free(answer.error) or not backend.billed
    return Attempt(answer, left, counted, ZERO_DOLLARS if certain else max(most - counted, ZERO_DOLLARS))


def _is_free(error: PaddockError | None) -> bool:
    """Whether the backend refused before it worked. A timeout of its own (408) came after."""
    if error is None or error.status is None or error.code == _JSON_FAILED:
        return False
    return 400 <= error.status < 500 and error.status != 408


def is_fatal(sent: Attempt) -> bool:
    """Whether the error is not this cell's but everybody's: nothing more is to be sent until somebody mended it."""
    match sent.answer.error:
        case CredentialsRefused() | AccountRefused() | AllocationSpent():
            return True
        case ModelUnavailable(code=code):
            return code != _NO_LORA
        case Unreachable(retryable=False):
            return True  # TLS, a redirect, a proxy, an address that cannot be one
        case _:
            return False
