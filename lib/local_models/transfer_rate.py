"""The rate of a download over its last seconds, and the time that is left."""

from __future__ import annotations

from collections import deque

_WINDOW_SECONDS = 10.0


class TransferRate:
    """Measures the rate from the times and the byte counts that it gets."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, done: int) -> None:
        """Add the number of bytes that are there at a time, in seconds. A smaller number than before begins anew."""
        if self._samples and done < self._samples[-1][1]:
            self._samples.clear()
        if self._samples and now - self._samples[-1][0] < 0.2:
            return
        self._samples.append((now, done))
        while now - self._samples[0][0] > _WINDOW_SECONDS:
            self._samples.popleft()

    @property
    def bytes_per_second(self) -> float:
        """The rate, 0 as long as it is not known."""
        if len(self._samples) < 2:
            return 0.0
        (first, before), (last, done) = self._samples[0], self._samples[-1]
        return (done - before) / (last - first)


def describe_transfer(done: int, total: int, rate: float) -> str:
    """Format how far a download is: "312 of 808 MB, 5.2 MB/s, 2 min left". Without a rate, the first part only."""
    text = f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
    return f"{text}, {rate / 1e6:.1f} MB/s, {format_seconds((total - done) / rate)} left" if rate else text


def format_seconds(seconds: float) -> str:
    """Format a time that is left: "40 s", "3 min", "1 h 20 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
