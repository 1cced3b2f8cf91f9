"""A server on a raw socket that follows a script, also a faulty one, and keeps the requests."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

DONE = b"data: [DONE]\n\n"

# Longer than any test waits: if it passes, something hangs.
TIMEOUT = 60.0


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it was received."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    raw: bytes

    def json(self) -> Any:
        """Parse the body as JSON."""
        return json.loads(self.body)


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.gone = threading.Event()  # the client closed it

    def send(self, *pieces: bytes) -> None:
        """Send each piece in its own packet."""
        for piece in pieces:
            self.connection.sendall(piece)

    def wait_for_end(self) -> None:
        """Stay silent until the client goes away."""
        self.connection.settimeout(TIMEOUT)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while self.connection.recv(65536):
                pass
        self.gone.set()

    def reset(self) -> None:
        """End with a TCP reset instead of an orderly close."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


Script = Callable[[Peer, ReceivedRequest], None]


class ScriptedServer:
    """Answers the n-th request with the n-th script, and all later ones with the last. A context manager."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None, reads: bool = True) -> None:
        self.requests: list[ReceivedRequest] = []
        self.peers: list[Peer] = []
        self.times: list[float] = []
        self.failures: list[BaseException] = []
        # Released for each request, or for each connection if ``reads`` is False.
        self.arrived = threading.Semaphore(0)
        self._scripts = scripts
        self._tls = tls
        self._reads = reads
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/client/v4"

    def __enter__(self) -> ScriptedServer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # wakes accept() up
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive(), "the server's thread hangs"
        for peer in self.peers:
            peer.connection.close()
        assert not self.failures, self.failures

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        peer = Peer(connection)
        self.peers.append(peer)
        try:
            if self._reads:
                connection.settimeout(TIMEOUT)
                if self._tls is not None:
                    connection = peer.connection = self._tls.wrap_socket(connection, server_side=True)
                received = read_request(connection)
                self.times.append(time.monotonic())
                self.requests.append(received)
            else:
                received = ReceivedRequest("", "", {}, b"", b"")
            number = len(self.peers)
            self.arrived.release()
            self._scripts[min(number, len(self._scripts)) - 1](peer, received)
        except (ConnectionError, EOFError, ssl.SSLError):
            peer.gone.set()  # during the script
        except OSError:
            pass  # the client stayed silent; the test looks at the client
        except BaseException as error:
            self.failures.append(error)
        finally:
            with contextlib.suppress(OSError):
                peer.connection.shutdown(socket.SHUT_RDWR)
            peer.connection.close()


def read_request(connection: socket.socket) -> ReceivedRequest:
    """Read one HTTP request. Raises EOFError if the client leaves before its end."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += _receive(connection)
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        piece = _receive(connection)
        raw, body = raw + piece, body + piece
    return ReceivedRequest(method, target, headers, body, raw)


def _receive(connection: socket.socket) -> bytes:
    piece = connection.recv(65536)
    if not piece:
        raise EOFError
    return piece


def response_head(status: int = 200, kind: str = "text/event-stream", **headers: str) -> bytes:
    """Return the head of a response that ends with its connection; ``retry_after="3"`` adds that header."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def to_chunks(body: bytes, size: int) -> list[bytes]:
    """Return the body in HTTP chunks of this size, without the terminator."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces]


def encode_events(*values: Any) -> bytes:
    """Encode values as the events of a stream, in raw UTF-8 as the live API does."""
    return b"".join(b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n" for value in values)


def text_events(*pieces: str) -> bytes:
    """Encode pieces of text as events of the native stream."""
    return encode_events(*({"response": piece} for piece in pieces))


def usage_event(prompt: int, completion: int) -> bytes:
    """Return the event that ends the native stream."""
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return encode_events({"response": "", "usage": counts})


def sends(*pieces: bytes) -> Script:
    """Return a script that sends these bytes and closes the connection."""
    return lambda peer, _: peer.send(*pieces)


def sends_then_waits(*pieces: bytes) -> Script:
    """Return a script that sends these bytes and stays silent until the client leaves."""

    def script(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(*pieces)
        peer.wait_for_end()

    return script


def sends_then_resets(*pieces: bytes) -> Script:
    """Return a script that sends these bytes and resets the connection."""

    def script(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(*pieces)
        peer.reset()

    return script


def streams(*pieces: str, counts: tuple[int, int] = (10, 3)) -> Script:
    """Return a script that sends a complete native stream."""
    return sends(response_head(), text_events(*pieces), usage_event(*counts), DONE)


def refuses(status: int, code: int, message: str, **headers: str) -> Script:
    """Return a script that sends an error in the API's envelope."""
    body = {"errors": [{"message": message, "code": code}], "success": False, "result": {}, "messages": []}
    return sends(response_head(status, "application/json", **headers) + json.dumps(body).encode())


def cut_at(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Cut the body at these positions."""
    places = sorted({0, len(body), *cuts})
    return [body[start:end] for start, end in itertools.pairwise(places)]
