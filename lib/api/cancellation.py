"""Stop: the handle that ends a request from another thread, at once, whatever the request is waiting for."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import Any, TypeVar

Result = TypeVar("Result")


class Cancelled(Exception):
    """Raised inside the iterator when it was stopped on purpose; not an error, so not in the error tree."""


class CancelToken:
    """One request's handle. ``request()`` is safe from any thread, any number of times.

    Closing the response would not do: the reading thread stays blocked in recv until the socket is shut down.
    The socket that is shut down is a duplicate of the connection's. So the handle works in mid-handshake too,
    where TLS has taken the original apart, and it never touches Python's SSLSocket, whose shutdown() first turns
    encryption off: a write of the other thread could then leave in the clear.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._opening: Future[Any] | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked for the end."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Ask for the end."""
        with self._lock:
            self._event.set()
            if self._opening is not None:
                self._opening.cancel()
            if self._socket is not None:
                _reset_connection(self._socket)

    def wait(self, seconds: float) -> bool:
        """Sleep that long, or until the end is asked for; True then."""
        return self._event.wait(seconds)

    def on_httpx_trace(self, name: str, info: Mapping[str, Any]) -> None:
        """httpx's trace extension: the only way to the socket while the request is on its way."""
        if not name.endswith(".connect_tcp.complete"):
            return
        self.watch_socket(info["return_value"].get_extra_info("socket"))

    def watch_socket(self, connection: socket.socket) -> None:
        """That is the connection that is to be shut, from its very beginning on."""
        with self._lock:
            if self.is_cancelled:
                _reset_connection(connection)
            else:
                self._forget()
                self._socket = connection.dup()

    def run_cancellable(self, work: Callable[[], Result], discard: Callable[[Result], object]) -> Result:
        """What ``work`` gives, or Stopped as soon as the end is asked for.

        It works in a thread of its own, for neither name resolution nor connecting can be interrupted: a thread
        that is left behind ends with their timeout, and ``discard`` gets what it brings.
        """
        future: Future[Result] = Future()

        def thread() -> None:
            try:
                result = work()
            except BaseException as error:
                with contextlib.suppress(InvalidStateError):  # nobody waits any more
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
        """Let go of the connection; without this it would stay open for as long as its duplicate."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _reset_connection(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        # Closed with a reset, not in order: a server whose window is full would wait a minute for an orderly end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
