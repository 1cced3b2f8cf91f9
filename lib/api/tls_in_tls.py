"""TLS inside TLS: to a server through a proxy that is itself spoken to over TLS."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import TypeVar

_PIECE_BYTES = 16 * 1024
Result = TypeVar("Result")


class TlsInTlsSocket:
    """The methods of a TLS socket that a connection uses, over another TLS socket.

    Python wraps plain sockets only, so the inner TLS writes to and reads from memory.
    Raises what an SSLSocket raises; a timeout is for the whole call.
    """

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, server_hostname: str) -> None:
        self._outer = outer
        self._timeout = outer.gettimeout()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        self._run(self._inner.do_handshake)

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds

    def recv(self, size: int) -> bytes:
        try:
            return self._run(lambda: self._inner.read(size))
        except ssl.SSLEOFError:  # as SSLSocket: the end without TLS's farewell is an end
            return b""

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._run(lambda: self._inner.write(left)) :]  # noqa: B023 (called at once)

    def pending(self) -> int:
        """Return the number of bytes that have arrived and were not read."""
        return self._inner.pending() or self._incoming.pending or self._outer.pending()

    def fileno(self) -> int:
        return self._outer.fileno()

    def close(self) -> None:
        self._outer.close()

    def _run(self, step: Callable[[], Result]) -> Result:
        """Return the step's result, once as much has gone to and fro as it needs."""
        end = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush(end)
                self._wait_until(end)
                if received := self._outer.recv(_PIECE_BYTES):
                    self._incoming.write(received)
                else:
                    self._incoming.write_eof()
                continue
            self._flush(end)
            return result

    def _flush(self, end: float | None) -> None:
        if self._outgoing.pending:
            self._wait_until(end)
            self._outer.sendall(self._outgoing.read())

    def _wait_until(self, end: float | None) -> None:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("TLS inside TLS")
        self._outer.settimeout(left)
