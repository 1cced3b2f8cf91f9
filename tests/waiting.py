"""Wait for another thread or process, and for work that might not end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until the condition holds; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


@contextmanager
def ends() -> Iterator[None]:
    """Fail if the block takes a minute: for work that takes a moment, and would take hours with a fault."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < 60
