"""HTTP/1.1 as the twin's server reads it: uvicorn's h11 protocol, with limits on what uvicorn leaves open.

h11 accepts a request with both ``Content-Length`` and ``Transfer-Encoding``. A proxy in front might read the other of
the two, and take what follows for another request (request smuggling, RFC 9112 §6.3). Such requests, and all that h11
itself refuses, are answered in the API's error shape, and the connection is closed.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from lib.twin.api_errors import MALFORMED_REQUEST
from lib.twin.request_limits import HEAD_TIMEOUT, MAX_CHUNKS, MAX_HEAD_BYTES


class StrictConnection(h11.Connection):
    """An h11 connection that refuses an ambiguous length, a huge head, and a body in countless chunks."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD_BYTES)
        self._chunks = 0

    def next_event(self) -> Any:
        """Return the next event. Raises h11.RemoteProtocolError."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = 0
            _check_head(event)
        elif isinstance(event, h11.Data) and event.chunk_start:
            self._chunks += 1
            if self._chunks > MAX_CHUNKS:
                raise h11.RemoteProtocolError("too many chunks")
        return event


def _check_head(request: h11.Request) -> None:
    names = {name for name, _ in request.headers}
    if b"transfer-encoding" in names:
        if b"content-length" in names:
            raise h11.RemoteProtocolError("both Content-Length and Transfer-Encoding")
        # HTTP/1.0 has no transfer codings: a proxy that speaks it passes the header on without understanding it.
        if request.http_version < b"1.1":
            raise h11.RemoteProtocolError("Transfer-Encoding in HTTP/1.0")
    size = len(request.target) + sum(len(name) + len(value) for name, value in request.headers)
    if size > MAX_HEAD_BYTES:
        raise h11.RemoteProtocolError("the head is too large")


class TwinProtocol(H11Protocol):
    """uvicorn's protocol with strict framing, errors in the API's shape, and a time limit on heads."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.conn = StrictConnection()
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        super().handle_events()
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._stop_head_timer()
        elif self._head_timer is None and self.conn.trailing_data[0]:
            # The first bytes of the next request on this connection.
            self._start_head_timer()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is not proper HTTP, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            content = json.dumps(MALFORMED_REQUEST.body("")).encode()
            headers = [
                ("content-type", "application/json"),
                ("content-length", str(len(content))),
                ("connection", "close"),
            ]
            for event in (
                h11.Response(status_code=MALFORMED_REQUEST.status, headers=headers, reason=b"Bad Request"),
                h11.Data(data=content),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        # Otherwise the answer has begun already.
        self.transport.close()

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self.transport.close)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
