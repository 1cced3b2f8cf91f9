"""Send a request again that failed before any of its answer arrived."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

from lib.api.cancellation import Cancelled, CancelToken
from lib.api.events import Event
from lib.errors import NoCapacity, PaddockError

# Called before each wait with the number of the failed attempt (from 1), the seconds to wait and the error.
OnRetry = Callable[[int, float, PaddockError], None]


@dataclass(frozen=True)
class RetryPolicy:
    """The number of attempts for one request, and the wait between two of them.

    The wait doubles from ``pause`` seconds, with jitter. A Retry-After header of at most ``max_wait`` seconds
    replaces it; a longer one ends the attempts. Without ``waits_for_capacity``, a busy service ends them too.
    """

    attempts: int = 3
    pause: float = 0.5
    max_wait: float = 30.0
    waits_for_capacity: bool = True

    def delay_after(self, attempt: int, retry_after: float | None) -> float | None:
        """Return the seconds to wait after that attempt (from 1), or None if no other follows."""
        if attempt >= self.attempts or (retry_after is not None and retry_after > self.max_wait):
            return None
        return backoff_seconds(self.pause, attempt) if retry_after is None else retry_after


DEFAULT_RETRIES = RetryPolicy()


def backoff_seconds(first: float, attempt: int) -> float:
    """Return the wait after that attempt (from 1): ``first`` seconds, doubled each time, with jitter."""
    # Jitter spreads clients that failed together; it protects no secret.
    return float(first * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))  # noqa: S311


def stream_with_retries(
    stream_once: Callable[[], Generator[Event, None, None]],
    policy: RetryPolicy,
    cancel_token: CancelToken,
    on_retry: OnRetry,
) -> Iterator[Event]:
    """Yield the events of the first attempt that yields any.

    Raises the last attempt's PaddockError, or Cancelled once the token is cancelled.
    """
    attempt = 0
    while True:
        attempt += 1
        has_events = False
        try:
            # closing: a consumer that stops early ends the request at once.
            with contextlib.closing(stream_once()) as events:
                for event in events:
                    # A socket that was shut down still returns what had arrived before.
                    if cancel_token.is_cancelled:
                        raise Cancelled
                    has_events = True
                    yield event
            return
        except PaddockError as error:
            if cancel_token.is_cancelled:
                raise Cancelled from None
            wait = policy.delay_after(attempt, error.retry_after)
            is_too_busy = isinstance(error, NoCapacity) and not policy.waits_for_capacity
            if has_events or not error.retryable or wait is None or is_too_busy:
                raise
            on_retry(attempt, wait, error)
            if cancel_token.wait(wait):
                raise Cancelled from None
