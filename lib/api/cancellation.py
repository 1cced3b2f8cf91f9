"""Cancel a request from another thread, at once, whatever the request is waiting for."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import Any, TypeVar

Opened = TypeVar("Opened")


class Cancelled(Exception):
    """Raised by a request that was cancelled on purpose. Not an error, so not a PaddockError."""


class CancelToken:
    """Cancels one request. ``cancel()`` is safe from any thread, any number of times.

    Closing the response is not enough: the reading thread stays blocked in recv until the socket is shut down. The
    token shuts down a duplicate of the connection's socket. That works during the TLS handshake too, which detaches
    the original, and leaves Python's SSLSocket alone: its shutdown() ends encryption first, and the other thread
    could then write plain text.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.RLock()
        self._socket: socket.socket | None = None
        self._opening: Future[Any] | None = None

    @property
    def is_cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        with self._lock:
            self._event.set()
            if self._opening is not None:
                self._opening.cancel()
            if self._socket is not None:
                _reset_connection(self._socket)

    def wait(self, seconds: float) -> bool:
        """Sleep that long, at most until cancel(). Return True if cancelled."""
        return self._event.wait(seconds)

    def watch_socket(self, connection: socket.socket) -> None:
        """Make that socket the one that cancel() shuts down."""
        with self._lock:
            if self.is_cancelled:
                _reset_connection(connection)
            else:
                self.release_socket()
                self._socket = connection.dup()

    def run_cancellable(self, work: Callable[[], Opened], discard: Callable[[Opened], object]) -> Opened:
        """Return the result of ``work``, or raise Cancelled as soon as cancel() is called.

        ``work`` runs in a thread of its own, because neither name resolution nor connecting can be interrupted. An
        abandoned thread ends with their timeout, and ``discard`` gets its result.
        """
        future: Future[Opened] = Future()

        def thread() -> None:
            try:
                result = work()
            except BaseException as error:
                with contextlib.suppress(InvalidStateError):  # the future was cancelled
                    future.set_exception(error)
                return
            try:
                future.set_result(result)
            except InvalidStateError:
                discard(result)

        with self._lock:
            if self.is_cancelled:
                raise Cancelled
            self._opening = future
        threading.Thread(target=thread, name="paddock-open", daemon=True).start()
        try:
            return future.result()
        except CancelledError:
            raise Cancelled from None
        finally:
            self._opening = None

    def release_socket(self) -> None:
        """Close the duplicate, which would keep the connection open."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None


def _reset_connection(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # already closed
        # A reset, not an orderly close: a server with a full window would wait a minute for that.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
