"""Read one HTTP reply from a socket, within its deadline and limits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

import h11
import httpx

from lib.api.reply_limits import (
    MAX_BODY_PIECES,
    MAX_INTERIM_RESPONSES,
    MAX_PIECE_BYTES,
    MAX_REPLY_BYTES,
    ReplyDeadline,
    too_large_error,
)
from lib.errors import Unintelligible


class ReceivingSocket(Protocol):
    """The methods of a socket that reading needs."""

    def settimeout(self, seconds: float | None, /) -> None: ...

    def recv(self, size: int, /) -> bytes: ...


class ReplyReader:
    """Reads the reply that belongs to ``http``'s request. Raises httpx's errors, TimedOut and Unintelligible."""

    def __init__(self, http: h11.Connection, connection: ReceivingSocket, deadline: ReplyDeadline) -> None:
        self._http = http
        self._connection = connection
        self._deadline = deadline
        self._size = self._pieces = 0

    @property
    def is_reusable(self) -> bool:
        """True if the reply has ended, its connection stays open and holds nothing more."""
        return (
            self._http.their_state is h11.DONE
            and self._http.our_state is h11.DONE
            and not self._http.trailing_data[0]
        )

    def read_head(self) -> h11.Response:
        """Return the final response's head; interim responses, such as 100 Continue, are skipped."""
        interim_responses = 0
        while True:
            with as_httpx_errors(httpx.ReadTimeout, httpx.ReadError):
                event = self._http.next_event()
            if isinstance(event, h11.Response):
                return event
            if event is h11.NEED_DATA:
                self._receive()
                continue
            interim_responses += 1
            if interim_responses > MAX_INTERIM_RESPONSES:
                raise too_large_error(MAX_INTERIM_RESPONSES, "interim responses")

    def read_body(self) -> Iterator[bytes]:
        """Yield the body as it arrives, until its end or the first error."""
        while True:
            pieces: list[bytes] = []
            failure: Exception | None = None
            try:
                with as_httpx_errors(httpx.ReadTimeout, httpx.ReadError):
                    while isinstance(event := self._http.next_event(), h11.Data):
                        self._pieces += 1
                        if self._pieces > MAX_BODY_PIECES:
                            raise too_large_error(MAX_BODY_PIECES, "pieces")
                        pieces.append(event.data)
            except (httpx.RemoteProtocolError, Unintelligible) as error:
                failure = error
            if pieces:  # also what arrived together with an error
                yield b"".join(pieces)
            if failure is not None:
                raise failure
            if event is not h11.NEED_DATA:
                return
            self._receive()

    def _receive(self) -> None:
        """Give the parser the next bytes, or the end of the connection."""
        self._connection.settimeout(self._deadline.seconds_left())
        try:
            with as_httpx_errors(httpx.ReadTimeout, httpx.ReadError):
                received = self._connection.recv(MAX_PIECE_BYTES)
        except httpx.ReadTimeout:
            raise self._deadline.error() from None
        self._size += len(received)
        if self._size > MAX_REPLY_BYTES:
            raise too_large_error(MAX_REPLY_BYTES, "bytes")
        self._http.receive_data(received)


@contextlib.contextmanager
def as_httpx_errors(
    timeout: type[httpx.TimeoutException], network_error: type[httpx.NetworkError]
) -> Iterator[None]:
    """Raise the exceptions of sockets and h11 as httpx's, so that one table translates both."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except h11.LocalProtocolError as error:
        raise httpx.LocalProtocolError("the request breaks the rules of HTTP") from error
    except h11.RemoteProtocolError as error:
        raise httpx.RemoteProtocolError("the reply breaks the rules of HTTP") from error
    except OSError as error:
        raise network_error(str(error)) from error
