"""Limit the number of requests in flight."""

from __future__ import annotations

import threading
from collections.abc import Callable


class ConcurrencyLimit:
    """A semaphore whose size ``width()`` may change. Safe from any thread."""

    def __init__(self, width: Callable[[], int]) -> None:
        self._width = width
        self._in_flight = 0
        self._changed = threading.Condition()

    @property
    def in_flight(self) -> int:
        return self._in_flight

    def acquire(self, ended: Callable[[], bool]) -> bool:
        """Wait for a slot. Return False without one once ``ended()`` is True."""
        with self._changed:
            while not ended():
                if self._in_flight < self._width():
                    self._in_flight += 1
                    return True
                self._changed.wait()
        return False

    def release(self) -> None:
        with self._changed:
            self._in_flight -= 1
            self._changed.notify()

    def wake(self) -> None:
        """Make waiting threads check ``width()`` and ``ended()`` again."""
        with self._changed:
            self._changed.notify_all()
