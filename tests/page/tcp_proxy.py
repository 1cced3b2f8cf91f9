"""A TCP proxy between browser and app that can drop connections, refuse them, or hold back what the app sends."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading


class TcpProxy:
    """Passes all data to a port of this machine and back."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._down = False
        self._closed = False
        self._passing = threading.Event()
        self._passing.set()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return the address of the app through the proxy."""
        return f"http://127.0.0.1:{self.port}"

    def drop_connections(self) -> int:
        """Reset every connection; return how many there were."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                _reset(end)
        return len(pairs)

    def go_down(self) -> None:
        """Drop all connections and refuse new ones."""
        self._down = True
        self.drop_connections()

    def come_up(self) -> None:
        """Accept connections again."""
        self._down = False

    def hold_back(self) -> None:
        """Hold back what the app sends; what the browser sends still reaches the app."""
        self._passing.clear()

    def release(self) -> None:
        """Send what was held back."""
        self._passing.set()

    def close(self) -> None:
        """Stop the proxy and close its connections."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.release()
        self.drop_connections()
        self._thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                if self._closed:
                    return
                # The client left before it was accepted.
                continue
            if self._down:
                _reset(near)
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                _reset(near)
                continue
            pair = (near, far)
            with self._lock:
                self._pairs.add(pair)
            for source, sink in (pair, pair[::-1]):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pipe, args=(source, sink, pair), daemon=True).start()

    def _pipe(
        self, source: socket.socket, sink: socket.socket, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source is pair[1]:
                    self._passing.wait()
                sink.sendall(data)
        for end in pair:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            end.close()


def _reset(end: socket.socket) -> None:
    """Send a TCP reset, and wake the thread that reads from the socket."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
    end.close()
