"""Record what goes over the wire for one answer: headers with secrets masked, and each event with its time."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lib.jsonkit.surrogates import encode_utf8

MASK = "•••"
# A header whose name holds one of these words may carry a credential.
_SECRET_HEADER_WORDS = ("authorization", "cookie", "api-key", "token", "secret")


class TraceEvent(NamedTuple):
    """An event of a stream, or the body of an answer that was not streamed, as received.

    ``seconds`` counts from the start of the recording.
    """

    seconds: float
    data: str


class GatewayReply(NamedTuple):
    """An AI Gateway's marks on a reply: if it comes from its cache, and the id of its log entry; may be empty."""

    cache_status: str
    log_id: str

    @property
    def is_from_cache(self) -> bool:
        """True if the gateway answered with an earlier answer, without asking the model."""
        return self.cache_status.upper() == "HIT"


def read_gateway_reply(headers: Mapping[str, str]) -> GatewayReply:
    """Return what the headers of a response say; their names are in lower case, or the mapping ignores case."""
    return GatewayReply(headers.get("cf-aig-cache-status", ""), headers.get("cf-aig-log-id", ""))


class Exchange(NamedTuple):
    """An attempt of a request, and its response; ``status`` is 0 if there was none.

    ``request_line`` is the method and the address. The response began at ``seconds``.
    """

    request_line: str
    request_headers: tuple[tuple[str, str], ...]
    status: int = 0
    seconds: float = 0.0
    response_headers: tuple[tuple[str, str], ...] = ()
    events: tuple[TraceEvent, ...] = ()

    @property
    def gateway_reply(self) -> GatewayReply | None:
        """The AI Gateway's marks in the response's headers, None if it left none."""
        reply = read_gateway_reply(dict(self.response_headers))
        return reply if any(reply) else None


@dataclass(frozen=True)
class Trace:
    """The exchanges of one answer, compressed: a long answer has thousands of events, and few are ever looked at."""

    packed: bytes

    def exchanges(self) -> tuple[Exchange, ...]:
        """Return the exchanges, one for each attempt, in order."""
        exchanges = (Exchange(*fields) for fields in json.loads(zlib.decompress(self.packed)))
        return tuple(
            exchange._replace(
                request_headers=_pairs(exchange.request_headers),
                response_headers=_pairs(exchange.response_headers),
                events=tuple(TraceEvent(*event) for event in exchange.events),
            )
            for exchange in exchanges
        )


def _pairs(pairs: Iterable[Iterable[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs)


class TraceRecorder:
    """Records the exchanges of one answer, in the thread that sends. The trace never holds one of the ``secrets``."""

    def __init__(self, secrets: Sequence[str] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._secrets = secrets
        self._clock = clock
        self._begun = clock()
        self._exchanges: list[Exchange] = []
        self._events: list[TraceEvent] = []

    def record_request(self, line: str, headers: Iterable[tuple[str, str]]) -> None:
        """Begin an exchange; ``line`` is the method and the address."""
        self._close_exchange()
        self._exchanges.append(Exchange(self._mask(line), self._mask_headers(headers)))

    def record_response(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        self._exchanges[-1] = self._exchanges[-1]._replace(
            status=status, seconds=self._elapsed(), response_headers=self._mask_headers(headers)
        )

    def record_event(self, data: str) -> None:
        """Record an event, or a whole body."""
        self._events.append(TraceEvent(self._elapsed(), self._mask(data)))

    def trace(self) -> Trace:
        """Return the exchanges so far."""
        self._close_exchange()
        text = encode_utf8(json.dumps(self._exchanges, ensure_ascii=False))
        return Trace(zlib.compress(text, 6))

    def _close_exchange(self) -> None:
        """Give the events so far to the last exchange."""
        if self._exchanges:
            last = self._exchanges[-1]
            self._exchanges[-1] = last._replace(events=(*last.events, *self._events))
        self._events = []

    def _elapsed(self) -> float:
        return round(self._clock() - self._begun, 6)

    def _mask(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def _mask_headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple(
            (name, MASK if any(word in name.lower() for word in _SECRET_HEADER_WORDS) else self._mask(value))
            for name, value in headers
        )
