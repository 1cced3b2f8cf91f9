"""Count a run's results by status, and keep each cell's latest."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from lib.experiment.results.cell_result import Result, Status

RECENT_RESULTS = 200  # results that the estimate of the time left uses


@dataclass(frozen=True)
class StatusCounts:
    """Cells by status; ``stored`` are among the answered."""

    answered: int = 0
    failed: int = 0
    doubtful: int = 0
    stored: int = 0

    def add(self, result: Result, by: int) -> StatusCounts:
        """Return the counts with that result added (1) or removed (-1)."""
        status = result.status
        return StatusCounts(
            self.answered + by * (status is Status.ANSWERED),
            self.failed + by * (status is Status.FAILED),
            self.doubtful + by * (status is Status.DOUBTFUL),
            self.stored + by * result.stored,
        )

    @property
    def total(self) -> int:
        return self.answered + self.failed + self.doubtful


class ResultCounters:
    """Collects results. Readers slice ``results``, which only grows, without a lock."""

    def __init__(self, cells: int) -> None:
        self.cells = cells
        self.results: list[Result] = []
        self.counts = StatusCounts()
        self._latest: dict[int, Result] = {}
        self._times: deque[float] = deque(maxlen=RECENT_RESULTS)
        self._lock = threading.Lock()

    def add(self, results: Iterable[Result]) -> None:
        """Add results; a later one of the same cell replaces the earlier."""
        with self._lock:
            counts, now = self.counts, time.monotonic()
            for result in results:
                old = self._latest.get(result.cell.number)
                if old is not None:
                    counts = counts.add(old, -1)
                self._latest[result.cell.number] = result
                counts = counts.add(result, 1)
                self.results.append(result)
                self._times.append(now)
            self.counts = counts

    def forget(self, results: Iterable[Result]) -> None:
        """Count these cells as waiting, because they are sent again; their old results stay in the list."""
        with self._lock:
            for result in results:
                if self._latest.pop(result.cell.number, None) is not None:
                    self.counts = self.counts.add(result, -1)

    def get(self, number: int) -> Result | None:
        return self._latest.get(number)

    def latest(self) -> list[Result]:
        """Return each cell's latest result, by cell number."""
        with self._lock:
            return [self._latest[number] for number in sorted(self._latest)]

    def seconds_left(self, per_minute: float) -> float | None:
        """Estimate the seconds for the other cells from the last results, at most that many per minute."""
        times, left = list(self._times), self.cells - self.counts.total
        if len(times) < 2 or times[-1] <= times[0]:
            return left * 60.0 / per_minute if per_minute > 0 else None
        seconds = max(time.monotonic() - times[0], times[-1] - times[0])
        return left * max(seconds / (len(times) - 1), 60.0 / per_minute)
