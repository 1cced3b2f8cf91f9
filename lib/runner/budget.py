"""The budget of a run, in requests and dollars: nothing is sent that might exceed it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from lib.experiment.plan import Limits
from lib.model.model_record import Price
from lib.model.pricing import budget_dollars

ZERO_DOLLARS = Decimal(0)


@dataclass(frozen=True)
class Spending:
    """Requests sent, dollars counted, dollars that may have been paid beyond that, and dollars reserved."""

    requests: int = 0
    dollars: Decimal = ZERO_DOLLARS
    uncertain: Decimal = ZERO_DOLLARS
    reserved: Decimal = ZERO_DOLLARS

    @property
    def max_dollars(self) -> Decimal:
        """The most dollars that all of it can cost."""
        return self.dollars + self.uncertain + self.reserved


def bounding_price(prices: Sequence[Price]) -> Price:
    """Return the price whose neurons cost most in comparison with its listed dollars: it bounds all of them."""
    return max(prices, key=lambda price: budget_dollars(Decimal(1), price))


class Budget:
    """Every attempt reserves its highest possible cost before it is sent, and settles its real cost afterwards.

    So counted, uncertain and reserved dollars together never exceed the budget, neither at the listed price nor in
    the neurons of ``price``. All amounts are listed ones. Safe from any thread.
    """

    def __init__(self, limits: Limits, price: Price, spent: Spending = Spending()) -> None:
        self._limits, self._price = limits, price
        self._spent = spent
        self._pending = 0  # unsettled reservations
        self._changed = threading.Condition()

    @property
    def spending(self) -> Spending:
        return self._spent

    @property
    def settled_requests(self) -> int:
        """Requests that were sent and are no longer in flight."""
        with self._changed:
            return self._spent.requests - self._pending

    def set_limits(self, limits: Limits) -> None:
        """Change the budget. If it is exceeded already, nothing more is sent."""
        with self._changed:
            self._limits = limits
            self._changed.notify_all()

    def reserve(self, most: Decimal, ended: Callable[[], bool], wait: bool = True) -> bool:
        """Reserve one request and ``most`` dollars. Return False, with nothing reserved, if they do not fit.

        ``wait`` waits as long as requests in flight may still leave room; returns False once ``ended()`` is True.
        """
        with self._changed:
            while not ended():
                if self._fits(most):
                    spent = self._spent
                    self._pending += 1
                    self._spent = replace(spent, requests=spent.requests + 1, reserved=spent.reserved + most)
                    return True
                if not wait or not self._pending:
                    return False
                self._changed.wait()
            return False

    def _fits(self, most: Decimal) -> bool:
        limits, spent = self._limits, self._spent
        if limits.requests is not None and spent.requests + 1 > limits.requests:
            return False
        if limits.dollars is None:
            return True
        return budget_dollars(spent.max_dollars + most, self._price) <= limits.dollars

    def settle(
        self,
        most: Decimal,
        *,
        cost: Decimal = ZERO_DOLLARS,
        uncertain: Decimal = ZERO_DOLLARS,
        sent: bool = True,
    ) -> None:
        """Replace a reservation by its cost. A request that was not ``sent`` does not count."""
        with self._changed:
            spent = self._spent
            self._pending -= 1
            self._spent = Spending(
                spent.requests - (not sent),
                spent.dollars + cost,
                spent.uncertain + uncertain,
                spent.reserved - most,
            )
            self._changed.notify_all()

    def wake(self) -> None:
        """Make waiting threads check ``ended()`` again."""
        with self._changed:
            self._changed.notify_all()
