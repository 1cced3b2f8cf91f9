"""Budget: what a batch may take in requests and in dollars, exactly: nothing is sent that might go beyond it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from lib.experiment.plan import Limits

ZERO_DOLLARS = Decimal(0)


@dataclass(frozen=True)
class Spending:
    """What was taken: requests sent, dollars counted, dollars that may have been paid beyond, and those reserved."""

    requests: int = 0
    dollars: Decimal = ZERO_DOLLARS
    uncertain: Decimal = ZERO_DOLLARS
    reserved: Decimal = ZERO_DOLLARS

    @property
    def max_dollars(self) -> Decimal:
        """Dollars that all of it can come to."""
        return self.dollars + self.uncertain + self.reserved


class Budget:
    """Every attempt reserves the most that it can cost before it is sent, and settles what it did cost.

    So the sum of what was counted, what may have been paid and what is on its way never exceeds the budget, whoever
    comes in between. Safe from any thread.
    """

    def __init__(self, limits: Limits, spent: Spending = Spending()) -> None:
        self._limits = limits
        self._spent = spent
        self._pending = 0  # reservations that are not settled
        self._changed = threading.Condition()

    @property
    def spending(self) -> Spending:
        """What was taken so far."""
        return self._spent

    @property
    def settled_requests(self) -> int:
        """Requests that were sent and are no longer on their way."""
        with self._changed:
            return self._spent.requests - self._pending

    def set_limits(self, limits: Limits) -> None:
        """Another budget, from now on. One that is exceeded already lets nothing more out."""
        with self._changed:
            self._limits = limits
            self._changed.notify_all()

    def reserve(self, most: Decimal, ended: Callable[[], bool], wait: bool = True) -> bool:
        """Set aside one request and ``most`` dollars. False where they do not fit, and nothing of it then.

        With ``wait`` it waits for those on their way to settle, as long as they may yet make room; False once
        ``ended`` says so.
        """
        with self._changed:
            while not ended():
                if self._fits(most):
                    spent = self._spent
                    self._pending += 1
                    self._spent = Spending(
                        spent.requests + 1, spent.dollars, spent.uncertain, spent.reserved + most
                    )
                    return True
                if not wait or not self._pending:
                    return False
                self._changed.wait()
            return False

    def _fits(self, most: Decimal) -> bool:
        limits, spent = self._limits, self._spent
        if limits.requests is not None and spent.requests + 1 > limits.requests:
            return False
        return limits.dollars is None or spent.max_dollars + most <= limits.dollars

    def settle(
        self,
        most: Decimal,
        *,
        cost: Decimal = ZERO_DOLLARS,
        uncertain: Decimal = ZERO_DOLLARS,
        sent: bool = True,
    ) -> None:
        """What became of a reservation. Not ``sent``: it never left, and its request does not count."""
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
        """Let those who wait look at ``ended`` again."""
        with self._changed:
            self._changed.notify_all()
