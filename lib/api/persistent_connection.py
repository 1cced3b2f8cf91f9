"""Line: one connection to a backend that is kept open from request to request: for those who send hundreds."""

from __future__ import annotations

import base64
import contextlib
import http.client
import select
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

import httpx

from lib.api.backend import Backend
from lib.api.cancellation import CancelToken
from lib.api.transport import Timeouts, request_headers, ssl_context, translate_setup_errors

# A connection that rested longer is not used again: the server may be closing it just now.
MAX_IDLE_SECONDS = 15.0
CHUNK_BYTES = 64 * 1024


class PersistentConnection:
    """For one thread at a time; the client's wire and the client's errors, in a third of the processor's time.

    The connection is the standard library's: of what httpx and httpcore do for a request, pools, HTTP/2 and redirects
    are nothing to a batch, and take most of the time (``bench/line.py``). What comes back is httpx's response, as the
    client reads it. Where the server has closed the connection meanwhile, that is seen before anything is sent, and
    another one is opened. Whatever breaks later is an error: the request may have arrived then, and is not sent again
    from here.

    ``stop`` ends what is on its way at once, and the line with it. ``sent``: of the last request at least a part has
    left, so that it may have been paid. Raises Unreachable where this machine's set-up forbids a connection.
    """

    def __init__(self, timeouts: Timeouts, backend: Backend) -> None:
        self.cancel_token = CancelToken()
        self.was_sent = False
        self.timeouts = timeouts
        self.backend = backend
        with translate_setup_errors():
            base = httpx.URL(backend.base_url)  # the name as it goes over the wire, whatever its alphabet
            self._host, self._secure = base.raw_host.decode("ascii"), base.scheme == "https"
            self._port = base.port or (443 if self._secure else 80)
            self._context = ssl_context(backend)
            self._proxy = _proxy(backend)
        self._path = f"{base.raw_path.decode('ascii').rstrip('/')}/accounts/{backend.account_id}/ai/run/"
        fields = {
            "host": base.netloc.decode("ascii"),
            "accept": "*/*",
            **request_headers(backend),
            "content-type": "application/json",
        }
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._connection: socket.socket | None = None
        self._rests_since = 0.0

    def post(self, model: str, body: bytes) -> httpx.Response:
        """The head of the response: read its body, and close it. Raises httpx's errors."""
        self.was_sent = False
        head = f"POST {self._path}{model} HTTP/1.1\r\n{self._fields}content-length: {len(body)}\r\n\r\n"
        connection = self._open()
        try:
            connection.settimeout(self.timeouts.first_byte)
            self.was_sent = True
            with _as_httpx(httpx.WriteTimeout, httpx.WriteError):
                connection.sendall(head.encode("ascii") + body)
            with _as_httpx(httpx.ReadTimeout, httpx.ReadError):
                response = _head(connection, "POST")
                if not response.isclosed():
                    connection.settimeout(self.timeouts.silence)
        except BaseException:
            self._drop()
            raise
        # Bytes, for they may hold what is not ASCII; the standard library reads them as Latin-1.
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.getheaders()]
        return httpx.Response(response.status, headers=fields, stream=_Body(self, response))

    def close(self) -> None:
        """Let go of the connection."""
        self._drop()

    def finish_response(self, usable: bool) -> None:
        """The response was dealt with, and another one can come over this connection, or cannot."""
        if not usable:
            self._drop()
        self._rests_since = time.monotonic()

    def _open(self) -> socket.socket:
        if self._connection is None or not self._is_usable(self._connection):
            self._drop()
            with _as_httpx(httpx.ConnectTimeout, httpx.ConnectError):
                self._connection = self._connect()
        return self._connection

    def _is_usable(self, connection: socket.socket) -> bool:
        return time.monotonic() - self._rests_since < MAX_IDLE_SECONDS and not _readable(connection)

    def _connect(self) -> socket.socket:
        first = (self._host, self._port) if self._proxy is None else self._proxy[0]
        connection = socket.create_connection(first, self.timeouts.connect)
        try:
            self.cancel_token.watch_socket(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._proxy is not None:
                self._tunnel(connection, self._proxy[1])
            if self._secure:
                return self._context.wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise
        return connection

    def _tunnel(self, connection: socket.socket, authorization: str) -> None:
        """Through the proxy, which sees the server's name alone."""
        to = f"{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"
        connection.sendall(f"CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n{authorization}\r\n".encode("ascii"))
        response = _head(connection, "CONNECT")
        response.close()
        if response.status != 200:
            raise httpx.ProxyError(str(response.status))

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.cancel_token.release_socket()  # which has a duplicate, so that the server would not hear of it


def _head(connection: socket.socket, method: str) -> http.client.HTTPResponse:
    """A response, up to its body."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
    except BaseException:  # it holds the connection open
        response.close()
        raise
    return response


class _Body(httpx.SyncByteStream):
    """What is left of a response."""

    def __init__(self, line: PersistentConnection, response: http.client.HTTPResponse) -> None:
        self._line = line
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx(httpx.ReadTimeout, httpx.ReadError):
            try:
                while piece := self._response.read(CHUNK_BYTES):
                    yield piece
            except http.client.IncompleteRead as error:  # of a body in chunks: what came is worth having
                yield error.partial
                raise
            if self._response.length:  # of one whose length was announced
                raise httpx.RemoteProtocolError("the body is shorter than was announced")

    def close(self) -> None:
        whole = self._response.isclosed()  # it closes itself at its end
        self._response.close()
        self._line.finish_response(whole and not self._response.will_close)


@contextlib.contextmanager
def _as_httpx(late: type[httpx.TimeoutException], broken: type[httpx.NetworkError]) -> Iterator[None]:
    """The standard library's exceptions as httpx's, so that one table gives each its words."""
    try:
        yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except http.client.HTTPException as error:
        raise httpx.RemoteProtocolError(type(error).__name__) from error
    except OSError as error:
        raise broken(str(error)) from error


def _readable(connection: socket.socket) -> bool:
    """Whether something came that nobody asked for: a close, as a rule."""
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _proxy(backend: Backend) -> tuple[tuple[str, int], str] | None:
    """Address and header of the proxy that the environment names for the backend. Raises ValueError for odd ones."""
    address = urlsplit(backend.base_url)
    if backend.is_local or urllib.request.proxy_bypass(address.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    named = proxies.get(address.scheme) or proxies.get("all")
    if not named:
        return None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    if proxy.scheme != "http" or not proxy.hostname:
        raise ValueError(proxy.scheme)
    if proxy.username is None:
        return (proxy.hostname, proxy.port or 80), ""
    basic = base64.b64encode(f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode())
    return (proxy.hostname, proxy.port or 80), f"proxy-authorization: Basic {basic.decode('ascii')}\r\n"
