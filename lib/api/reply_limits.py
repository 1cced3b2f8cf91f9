"""The limits of one reply: a server that never ends or sends far too much is stopped, and the error names the limit.

They are generous. An answer is at most the model's context window: 60,000 tokens, and 262,144 on the largest model
of Workers AI.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from lib.api.transport import Timeouts
from lib.errors import TimedOut, Unintelligible

# A reply as received: 262,144 events of 128 bytes, or 60,000 that each carry padding and usage.
MAX_REPLY_BYTES = 32 * 1024 * 1024
# A body of JSON: 262,144 tokens of 16 bytes. Parsed, JSON takes up to 32 times its size.
MAX_JSON_BYTES = 4 * 1024 * 1024
# 262,144 tokens and some more: each counts twice, as received and as decoded, and is kept as objects of some hundred
# bytes.
MAX_EVENTS = 600_000
# Chunks of HTTP, or parts of them as they are received: two for each of 262,144 tokens. h11 takes 7 µs for each.
MAX_BODY_PIECES = 600_000
# Of all events together: seven for each of 262,144 tokens. sseclient-py takes 0.5 µs for each.
MAX_REPLY_LINES = 2_000_000
# 60,000 tokens in one event are half of this. sseclient-py's time grows with an event's size times its lines.
MAX_EVENT_BYTES = 512 * 1024
MAX_EVENT_LINES = 1000
# An explanation has some hundred bytes, and arrives with its status.
MAX_ERROR_BYTES = 64 * 1024
MAX_ERROR_SECONDS = 10.0
# 60,000 tokens at eight per second.
MAX_ANSWER_SECONDS = 2 * 3600.0
# Status line and headers, or the line before a chunk.
MAX_HEAD_BYTES = 64 * 1024
# 100 Continue, 103 Early Hints: a server sends one or two.
MAX_INTERIM_RESPONSES = 20
# Decompression makes at most 1,032 bytes of one, so a piece of this size becomes 16 MB.
MAX_PIECE_BYTES = 16 * 1024

_READABLE_UNITS = ((1024 * 1024, "MB"), (1024, "KB"))


def too_large_error(limit: int, what: str) -> Unintelligible:
    """Return the error for a reply that exceeds a limit: ``limit`` of bytes, or a number of ``what``."""
    amount = f"{limit:,} {what}"
    if what == "bytes":
        size, unit = next((size, unit) for size, unit in _READABLE_UNITS if limit >= size)
        amount = f"{limit // size} {unit}"
    return Unintelligible(
        f"The server's reply was stopped: it exceeds the limit of {amount}.",
        advice="The text so far is kept. No answer of a model is that long: check CLOUDFLARE_BASE_URL and any proxy.",
    )


class ReplyDeadline:
    """The time by which the next bytes of a reply must arrive.

    Single bytes do not extend it for ever: the head, a refusal's body and the first event have a time in total, and
    after the first event only further events extend it.
    """

    def __init__(self, timeouts: Timeouts, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeouts = timeouts
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """Expect the head of a reply to the request that is sent now."""
        self._begun = self._clock()
        self._silence = math.inf
        self._set_end(self._begun, self._timeouts.first_byte, "No answer began within {} s.")

    def expect_answer(self) -> None:
        """Expect the first event, now that the head has arrived."""
        self._silence = self._timeouts.silence
        self._set_end(
            self._begun,
            self._timeouts.first_byte + self._silence,
            "The answer had no first event within {} s.",
        )

    def expect_error_body(self) -> None:
        """Expect the body of a refusal, now that its head has arrived."""
        self._silence = self._timeouts.silence
        self._set_end(self._clock(), MAX_ERROR_SECONDS, "The refusal was not explained within {} s.")

    def note_event(self) -> None:
        """Extend the deadline, because an event has arrived."""
        now = self._clock()
        if now + self._silence < self._begun + MAX_ANSWER_SECONDS:
            self._set_end(now, self._silence, "The answer stopped: nothing more came for {} s.")
        else:
            self._set_end(self._begun, MAX_ANSWER_SECONDS, "The answer did not end within {} s.")

    def seconds_left(self) -> float:
        """Return the seconds to wait for the next bytes. Raises TimedOut."""
        left = self._end - self._clock()
        if left <= 0:
            raise self.error()
        return min(left, self._silence)

    def error(self) -> TimedOut:
        """Return the error for bytes that did not arrive in ``seconds_left()``."""
        message = self._message
        if self._clock() < self._end:
            message = f"The answer stopped: nothing more came for {self._silence:g} s."
        return TimedOut(
            message,
            advice="The service may be busy, or the conversation long: shorten it, or retry later."
            if self._silence == math.inf
            else "The text so far is kept. Retry, or lower Max tokens.",
            retryable=False,  # the request may be running: sending it again could pay twice
        )

    def _set_end(self, begun: float, seconds: float, message: str) -> None:
        self._end = begun + seconds
        self._message = message.format(f"{seconds:g}")
