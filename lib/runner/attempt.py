"""An attempt of a request: whether it was sent, what it cost, and what it means for the others."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from lib import errors
from lib.api.backend import Backend
from lib.chat.answer import Answer, Ending
from lib.model.model_record import Model
from lib.model.pricing import cost_in_dollars
from lib.runner.budget import ZERO_DOLLARS

_NO_LORA = 5005  # a ModelUnavailable that other cells need not meet
_JSON_FAILED = 5024  # refused after the answer was generated, so it may be billed


@dataclass(frozen=True)
class Attempt:
    """The outcome of one attempt. ``was_sent`` is True if at least a part of the request was sent.

    ``cost`` is the counted price in dollars; ``uncertain`` is what may have been paid beyond it.
    """

    answer: Answer
    was_sent: bool
    cost: Decimal
    uncertain: Decimal

    @property
    def was_stopped(self) -> bool:
        """True if it was cancelled here."""
        return self.answer.ending is Ending.STOPPED

    @property
    def was_rate_limited(self) -> bool:
        """True if there were too many requests: that costs nothing, and is not this request's fault."""
        return self.was_sent and isinstance(self.answer.error, errors.RateLimited)

    @property
    def is_unreachable(self) -> bool:
        """True if there was no connection, but a later one may succeed."""
        return not self.was_sent and self.answer.error is not None and self.answer.error.retryable


def price_attempt(answer: Answer, left: bool, most: Decimal, model: Model, backend: Backend) -> Attempt:
    """Return the attempt with its price; it cannot have cost more than ``most``.

    An unknown cost counts as paid: an answer without the backend's count, or a request without an answer. Only
    refusals and free backends cost nothing.
    """
    counted = ZERO_DOLLARS if answer.usage is None else cost_in_dollars(answer.usage, model.price)
    exact = answer.usage is not None and not answer.usage.estimated and answer.error is None
    from_cache = answer.usage is not None and answer.usage.from_gateway_cache
    certain = exact or from_cache or not left or _is_free(answer.error) or not backend.billed
    return Attempt(answer, left, counted, ZERO_DOLLARS if certain else max(most - counted, ZERO_DOLLARS))


def _is_free(error: errors.PaddockError | None) -> bool:
    """Return True if the backend refused before it generated anything. Its own timeout (408) comes after."""
    if error is None or error.status is None or error.code == _JSON_FAILED:
        return False
    return 400 <= error.status < 500 and error.status != 408


def is_fatal(sent: Attempt) -> bool:
    """Return True if the error meets every cell: nothing more is sent until the user has fixed its cause."""
    match sent.answer.error:
        case errors.CredentialsRefused() | errors.AccountRefused() | errors.AllocationSpent():
            return True
        case errors.ModelUnavailable(code=code):
            return code != _NO_LORA
        case errors.Unreachable(retryable=False):
            return True  # TLS, a redirect, a proxy, an impossible address
        case _:
            return False
