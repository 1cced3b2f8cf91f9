"""Limit the rate of requests: a number per minute, lower after the backend has refused some."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

SLACK_SECONDS = 0.05  # a late sender may catch up that much: threads do not wake in time
MIN_RATE_SHARE = 0.05  # of the chosen rate
RECOVERY_SECONDS = 30.0  # from half the rate to all of it
MAX_PAUSE_SECONDS = 30.0  # between two attempts without a network


class RateLimiter:
    """Gives out turns to send, evenly spread. Safe from any thread.

    A refusal for too many requests halves the rate, once for all requests sent before it; the rate recovers with
    time. A Retry-After delays every request.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._next = 0.0
        self._held_until = 0.0
        self._why = ""
        self._share, self._since = 1.0, 0.0  # of the chosen rate, and when that was set
        self._slowed = -math.inf  # when the rate was halved last
        self._failed = -math.inf
        self._failures = 0
        self._sent: deque[float] = deque(maxlen=50)
        self._changed = threading.Condition()
        self._turnstile = threading.Lock()  # one thread waits for the clock, the others for it

    def set_rate(self, per_minute: int) -> None:
        with self._changed:
            self._per_minute = per_minute
            self._next = min(self._next, self._clock() + 60.0 / per_minute)
            self._changed.notify_all()

    @property
    def current_rate(self) -> float:
        """The highest rate at the moment, in requests per minute."""
        with self._changed:
            return self._rate(self._clock())

    @property
    def waiting_reason(self) -> str:
        """The reason why nothing may be sent at the moment, or empty."""
        with self._changed:
            left = self._held_until - self._clock()
            return f"{self._why} {math.ceil(left)} s." if left > 0 else ""

    def wait_for_turn(self, ended: Callable[[], bool]) -> float | None:
        """Wait for the next turn. Return its time, for the reports below, or None once ``ended()`` is True."""
        with self._turnstile, self._changed:
            while not ended():
                now = self._clock()
                turn = max(self._next, self._held_until)
                if now >= turn:
                    # A late sender catches up, but a pause of minutes allows no burst.
                    self._next = max(self._next, now - SLACK_SECONDS) + 60.0 / self._rate(now)
                    self._sent.append(now)
                    return now
                self._changed.wait(turn - now)
        return None

    def was_held_since(self, turn: float) -> bool:
        """Return True if sending was delayed since that turn, so that the turn is void."""
        return turn < self._held_until

    def wake(self) -> None:
        """Make waiting threads check ``ended()`` again."""
        with self._changed:
            self._changed.notify_all()

    def report_refusal(self, turn: float, retry_after: float | None, service_name: str) -> None:
        """Slow down after the service refused the request of that turn. Wait ``retry_after`` seconds if given."""
        with self._changed:
            now = self._clock()
            if turn > self._slowed:  # else it was sent before the last refusal, which counted for it
                self._slowed = now
                self._share, self._since = (
                    max(self._measured_rate(now) / 2 / self._per_minute, MIN_RATE_SHARE),
                    now,
                )
            if retry_after is not None:
                self._pause_until(now + retry_after, f"{service_name} asked to wait")

    def report_unreachable(self, turn: float) -> None:
        """Delay all requests after one found no network, longer each time."""
        with self._changed:
            now = self._clock()
            if turn > self._failed:
                self._failed = now
                self._failures += 1
                pause = min(2.0 ** (self._failures - 1), MAX_PAUSE_SECONDS)
                self._pause_until(now + pause, "No network. Trying again in")

    def report_reached(self) -> None:
        """Note that a request was sent, so the network is there."""
        if self._failures:
            with self._changed:
                self._failures = 0

    def _pause_until(self, until: float, why: str) -> None:
        if until > self._held_until:
            self._held_until, self._why = until, why

    def _rate(self, now: float) -> float:
        share = min(self._share + (now - self._since) / RECOVERY_SECONDS / 2, 1.0) if self._share < 1 else 1.0
        if share == 1.0:
            self._share = 1.0
        return max(share * self._per_minute, 1.0)

    def _measured_rate(self, now: float) -> float:
        """Return the rate of the last requests: the chosen one may be beyond what this machine can send."""
        rate = self._rate(now)
        if len(self._sent) < 2 or self._sent[-1] <= self._sent[0]:
            return rate
        return min(rate, (len(self._sent) - 1) / (self._sent[-1] - self._sent[0]) * 60.0)
