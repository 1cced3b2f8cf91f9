"""Trace: what really went over the wire for one answer: headers with secrets masked, and each event with its time."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

MASK = "•••"
# Names under which a header may carry what lets somebody in.
_SECRET_HEADER_WORDS = (
    "authorization",
    "cookie",
    "set-cookie",
    "api-key",
    "token",
    "secret",
    "cf-aig-authorization",
)


@dataclass(frozen=True)
class TraceEvent:
    """One event of a stream, or the whole body of an answer that was not streamed, as it was received.

    ``seconds`` since the request was sent.
    """

    seconds: float
    data: str


@dataclass(frozen=True)
class Exchange:
    """One try of a request: its line and headers, the status and headers that came, and what followed.

    ``status`` is 0 where no response came. ``seconds`` is when the response began.
    """

    request_line: str
    request_headers: tuple[tuple[str, str], ...]
    status: int = 0
    seconds: float = 0.0
    response_headers: tuple[tuple[str, str], ...] = ()
    events: tuple[TraceEvent, ...] = ()


@dataclass(frozen=True)
class Trace:
    """The exchanges of one answer, packed: a long answer has thousands of events, and few are ever looked at."""

    packed: bytes

    def exchanges(self) -> tuple[Exchange, ...]:
        """What was recorded, one for each try, first to last."""
        return tuple(
            Exchange(
                line,
                _pairs(asked),
                status,
                seconds,
                _pairs(came),
                tuple(TraceEvent(at, data) for at, data in events),
            )
            for line, asked, status, seconds, came, events in json.loads(zlib.decompress(self.packed))
        )


def _pairs(pairs: Iterable[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs)


class TraceRecorder:
    """Takes down what goes over the wire, from the thread that sends. ``secret`` stands nowhere in what it gives."""

    def __init__(self, secret: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._secret = secret
        self._clock = clock
        self._begun = clock()
        self._tries: list[Exchange] = []
        self._events: list[TraceEvent] = []

    def record_request(self, line: str, headers: Iterable[tuple[str, str]]) -> None:
        """A try begins: ``line`` is the method and the address."""
        self._close_exchange()
        self._tries.append(Exchange(self._mask(line), self._mask_headers(headers)))

    def record_response(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """The head of a response came."""
        self._tries[-1] = replace(
            self._tries[-1],
            status=status,
            seconds=self._elapsed(),
            response_headers=self._mask_headers(headers),
        )

    def record_event(self, data: str) -> None:
        """An event came, or a whole body."""
        self._events.append(TraceEvent(self._elapsed(), self._mask(data)))

    def trace(self) -> Trace:
        """What was taken down so far."""
        self._close_exchange()
        packed = [
            [
                one.request_line,
                one.request_headers,
                one.status,
                one.seconds,
                one.response_headers,
                [[event.seconds, event.data] for event in one.events],
            ]
            for one in self._tries
        ]
        # replace: what a server sent may hold halves of characters, and must not make this fail
        text = json.dumps(packed, ensure_ascii=False).encode("utf-8", "replace")
        return Trace(zlib.compress(text, 6))

    def _close_exchange(self) -> None:
        """What came belongs to the try that was last."""
        if self._tries:
            last = self._tries[-1]
            self._tries[-1] = replace(last, events=(*last.events, *self._events))
        self._events = []

    def _elapsed(self) -> float:
        return round(self._clock() - self._begun, 6)

    def _mask(self, text: str) -> str:
        return text.replace(self._secret, MASK) if self._secret else text

    def _mask_headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple(
            (name, MASK if any(word in name.lower() for word in _SECRET_HEADER_WORDS) else self._mask(value))
            for name, value in headers
        )
