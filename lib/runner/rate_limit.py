"""Pace: when the next request may be sent: so many a minute, fewer where the backend has had too many."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

SLACK_SECONDS = 0.05  # seconds that a late sender may make up for: a machine wakes threads when it can
MIN_RATE_SHARE = 0.05  # of the pace that was asked for
RECOVERY_SECONDS = 30.0  # seconds from half of it to all of it
MAX_PAUSE_SECONDS = 30.0  # seconds between two tries while the network is gone


class RateLimiter:
    """Hands out the turns to send, evenly spread. Safe from any thread.

    A refusal for haste halves the pace, once for all that were sent before it, and it recovers with time. A
    Retry-After holds everybody.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._next = 0.0
        self._held_until = 0.0
        self._why = ""
        self._share, self._since = 1.0, 0.0  # of the pace, and when that was set
        self._slowed = -math.inf  # when the last refusal counted
        self._failed = -math.inf
        self._failures = 0
        self._sent: deque[float] = deque(maxlen=50)
        self._changed = threading.Condition()
        self._turnstile = threading.Lock()  # one waits on the clock, the others for their turn to wait

    def set_rate(self, per_minute: int) -> None:
        """Another pace, from now on."""
        with self._changed:
            self._per_minute = per_minute
            self._next = min(self._next, self._clock() + 60.0 / per_minute)
            self._changed.notify_all()

    @property
    def current_rate(self) -> float:
        """Requests a minute that are sent at most at the moment."""
        with self._changed:
            return self._rate(self._clock())

    @property
    def waiting_reason(self) -> str:
        """Why nobody may send at the moment, empty where somebody may."""
        with self._changed:
            left = self._held_until - self._clock()
            return f"{self._why} {math.ceil(left)} s." if left > 0 else ""

    def wait_for_turn(self, ended: Callable[[], bool]) -> float | None:
        """Wait for the next turn. The moment it came, for the reports below; None once ``ended`` says so."""
        with self._turnstile, self._changed:
            while not ended():
                now = self._clock()
                at = max(self._next, self._held_until)
                if now >= at:
                    # What was late is made up for, but a rest of minutes is no licence for a burst.
                    self._next = max(self._next, now - SLACK_SECONDS) + 60.0 / self._rate(now)
                    self._sent.append(now)
                    return now
                self._changed.wait(at - now)
        return None

    def was_held_since(self, turn: float) -> bool:
        """Whether everybody was held since that turn came, so that it is another's by now."""
        return turn < self._held_until

    def wake(self) -> None:
        """Let those who wait look at ``ended`` again."""
        with self._changed:
            self._changed.notify_all()

    def report_refusal(self, turn: float, retry_after: float | None, who: str) -> None:
        """The request of that turn was one too many for ``who``, which asks for ``retry_after`` seconds."""
        with self._changed:
            now = self._clock()
            if turn > self._slowed:  # else it was on its way when another was refused: that is known
                self._slowed = now
                self._share, self._since = (
                    max(self._measured_rate(now) / 2 / self._per_minute, MIN_RATE_SHARE),
                    now,
                )
            if retry_after is not None:
                self._hold(now + retry_after, f"{who} asked to wait")

    def report_unreachable(self, turn: float) -> None:
        """The request of that turn found no network: everybody waits, longer each time."""
        with self._changed:
            now = self._clock()
            if turn > self._failed:
                self._failed = now
                self._failures += 1
                pause = min(2.0 ** (self._failures - 1), MAX_PAUSE_SECONDS)
                self._hold(now + pause, "The network is gone; trying again in")

    def report_reached(self) -> None:
        """A request came through: the network is there."""
        if self._failures:
            with self._changed:
                self._failures = 0

    def _hold(self, until: float, why: str) -> None:
        if until > self._held_until:
            self._held_until, self._why = until, why

    def _rate(self, now: float) -> float:
        share = min(self._share + (now - self._since) / RECOVERY_SECONDS / 2, 1.0) if self._share < 1 else 1.0
        if share == 1.0:
            self._share = 1.0
        return max(share * self._per_minute, 1.0)

    def _measured_rate(self, now: float) -> float:
        """The pace that was really gone at: what was asked for may be far beyond what anybody could send."""
        rate = self._rate(now)
        if len(self._sent) < 2 or self._sent[-1] <= self._sent[0]:
            return rate
        return min(rate, (len(self._sent) - 1) / (self._sent[-1] - self._sent[0]) * 60.0)
