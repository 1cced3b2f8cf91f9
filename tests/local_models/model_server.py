"""A stand-in for the hub and for the hosts that it sends downloads on to: one file, and a script for each request."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = 16 * 1024


@dataclass
class FileRequest:
    """A request as it came, the part of the file that it got, and the number of bytes that were sent."""

    path: str
    headers: dict[str, str]
    start: int = 0
    sent: int = 0


Script = Callable[["_Handler"], None]


@dataclass
class ModelServer:
    """Serves ``content`` on 127.0.0.1: the n-th request by the n-th script, all later ones as they ask. A context
    manager."""

    content: bytes
    etag: str = '"first"'
    scripts: deque[Script] = field(default_factory=deque)
    requests: list[FileRequest] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> ModelServer:
        self._server = _QuietServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.model = self  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def sent(self) -> int:
        """The bytes of the file that were sent in all replies."""
        return sum(request.sent for request in self.requests)


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Print nothing: the client may leave while it is being answered."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def model(self) -> ModelServer:
        return self.server.model  # type: ignore[attr-defined,no-any-return]

    def log_message(self, *_: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        model = self.model
        self.record = FileRequest(self.path, {name.lower(): value for name, value in self.headers.items()})
        model.requests.append(self.record)
        self.close_connection = True
        (model.scripts.popleft() if model.scripts else send_file)(self)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a head with these headers, and a body."""
        self.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def send_part(self, content: bytes, end: int | None = None, *, ranges: bool = True) -> None:
        """Send the part that was asked for, up to ``end`` of the file."""
        model, asked = self.model, self.record.headers.get("range", "")
        is_same = self.record.headers.get("if-range", model.etag) == model.etag
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and is_same and ranges else 0
        self.record.start = start
        size = len(content)
        headers = {"content_length": str(size - start), **({"etag": model.etag} if model.etag else {})}
        if asked and is_same and ranges:
            self.answer(206, content_range=f"bytes {start}-{size - 1}/{size}", **headers)
        else:
            self.answer(200, **headers)
        for place in range(start, size if end is None else end, PIECE):
            piece = content[place : min(place + PIECE, size if end is None else end)]
            self.wfile.write(piece)
            self.record.sent += len(piece)


def send_file(handler: _Handler) -> None:
    """Send what was asked for."""
    handler.send_part(handler.model.content)


def cut_at(end: int) -> Script:
    """Break the connection at that byte of the file."""
    return lambda handler: handler.send_part(handler.model.content, end)


def hold_at(end: int) -> Script:
    """Send nothing after that byte of the file, and leave the connection open."""

    def script(handler: _Handler) -> None:
        handler.send_part(handler.model.content, end)
        handler.model.released.wait(60)

    return script


def corrupt_at(place: int) -> Script:
    """Send the file with one wrong byte."""

    def script(handler: _Handler) -> None:
        content = bytearray(handler.model.content)
        content[place] ^= 1
        handler.send_part(bytes(content))

    return script


def ignore_range(handler: _Handler) -> None:
    """Send the whole file, whatever was asked for."""
    handler.send_part(handler.model.content, ranges=False)


def refuse(status: int, body: bytes = b"", **headers: str) -> Script:
    """Answer with that status."""
    return lambda handler: handler.answer(status, body, **headers)


def send_on_to(location: str, **headers: str) -> Script:
    """Redirect to another address."""
    return refuse(302, location=location, **headers)
