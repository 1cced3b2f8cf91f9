"""Requests on a plain socket, for what an HTTP client does not send."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.twin.conftest import RunningTwin


@dataclass(frozen=True)
class RawAnswer:
    """What came back on the connection; ``is_closed`` if the server then closed it."""

    raw: bytes
    is_closed: bool

    @property
    def status(self) -> int:
        return int(self.raw[9:12])

    @property
    def error_code(self) -> int:
        """The code in the API's error envelope, in which every error has to be."""
        content = json.loads(self.raw.partition(b"\r\n\r\n")[2])
        assert content.keys() == {"success", "errors", "messages", "result"}
        assert content["success"] is False
        return int(content["errors"][0]["code"])


def request_head(twin: RunningTwin, token: str, method: str = "POST") -> bytes:
    """Return the head of a run request without its last, empty line."""
    where = urlsplit(twin.run)
    return f"{method} {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n".encode()


def connect(twin: RunningTwin, timeout: float = 20) -> socket.socket:
    where = urlsplit(twin.run)
    return socket.create_connection((where.hostname or "", where.port or 0), timeout=timeout)


def receive(connection: socket.socket, *, until_closed: bool = True) -> RawAnswer:
    """Receive until the server closes the connection, or until the first whole answer with a length."""
    raw = b""
    try:
        while data := connection.recv(65536):
            raw += data
            head, end, content = raw.partition(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")), None
            )
            if end and length == len(content) and not until_closed:
                return RawAnswer(raw, False)
    except ConnectionError:
        pass
    return RawAnswer(raw, True)


def exchange(twin: RunningTwin, data: bytes) -> RawAnswer:
    """Send the bytes, as far as the twin takes them, and return what it answers until it closes."""
    with connect(twin) as connection:
        # The twin need not read what it has refused.
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        return receive(connection)
