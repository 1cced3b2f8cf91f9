"""Gate: no more requests on their way at a time than are wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable


class ConcurrencyLimit:
    """``width`` says how many may be inside. Safe from any thread."""

    def __init__(self, width: Callable[[], int]) -> None:
        self._width = width
        self._inside = 0
        self._changed = threading.Condition()

    @property
    def in_flight(self) -> int:
        """How many are."""
        return self._inside

    def acquire(self, ended: Callable[[], bool]) -> bool:
        """Wait for a place, to be left again. False, and none is taken, once ``ended`` says so."""
        with self._changed:
            while not ended():
                if self._inside < self._width():
                    self._inside += 1
                    return True
                self._changed.wait()
        return False

    def release(self) -> None:
        """Give a place back."""
        with self._changed:
            self._inside -= 1
            self._changed.notify()

    def wake(self) -> None:
        """Let those who wait look at ``width`` and ``ended`` again."""
        with self._changed:
            self._changed.notify_all()
