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

from lib.backend import Backend
from lib.stop import Stop
from lib.transport import Timeouts, headers, set_up, verify

IDLE_SECONDS = (
    15.0  # a connection that rested longer is not used again: the server may be closing it just now
)
PIECE_BYTES = 64 * 1024


class Reply:
    """A response, as much of httpx's as is looked at. Read it whole, or close it: the line is given up then."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status_code = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self.is_redirect = response.status in (301, 302, 303, 307, 308) and "location" in response.headers
        self._response = response

    @property
    def is_closed(self) -> bool:
        """Whether its end was read."""
        return self._response.isclosed()

    def iter_bytes(self) -> Iterator[bytes]:
        """The body as it comes. Raises httpx's errors."""
        with _as_httpx(httpx.ReadTimeout, httpx.ReadError):
            try:
                while piece := self._response.read(PIECE_BYTES):
                    yield piece
            except http.client.IncompleteRead as error:  # of a body in chunks: what came is worth having
                yield error.partial
                raise
            if self._response.length:  # of one whose length was announced
                raise httpx.RemoteProtocolError(
                    "peer closed connection without sending complete message body"
                )


class Line:
    """For one thread at a time. The same wire and the same errors as httpx's client, in a third of its time.

    Where the server has closed the connection meanwhile, that is seen before anything is sent, and another one is
    opened. Whatever breaks later is an error: the request may have arrived then, and is not sent again from here.

    ``stop`` ends what is on its way at once, and the line with it. ``sent``: of the last request at least a part has
    left, so that it may have been paid. Raises Unreachable where this machine's set-up forbids a connection.
    """

    def __init__(self, timeouts: Timeouts, backend: Backend) -> None:
        self.stop = Stop()
        self.sent = False
        self.timeouts = timeouts
        self.backend = backend
        self._address = urlsplit(backend.base_url)
        self._port = self._address.port or (443 if self._address.scheme == "https" else 80)
        self._path = f"{self._address.path}/accounts/{backend.account_id}/ai/run/"
        with set_up():
            self._context = verify(backend) if self._address.scheme == "https" else None
            self._proxy = _proxy(backend)
        self._headers = {
            "accept": "*/*",
            "connection": "keep-alive",
            "content-type": "application/json",
            **headers(backend),
        }
        self._connection: http.client.HTTPConnection | None = None
        self._response: http.client.HTTPResponse | None = None
        self._rests_since = 0.0

    def post(self, model: str, body: bytes) -> Reply:
        """The head of the response; its body is still to be read. Raises httpx's errors."""
        self.sent = False
        connection = self._open()
        with self._dropped():
            assert connection.sock is not None  # noqa: S101
            connection.sock.settimeout(self.timeouts.first_byte)
            self.sent = True
            with _as_httpx(httpx.WriteTimeout, httpx.WriteError):
                connection.request("POST", self._path + model, body, self._headers)
            with _as_httpx(httpx.ReadTimeout, httpx.ReadError):
                self._response = connection.getresponse()
            if connection.sock is not None:  # None: it is closed after this response
                connection.sock.settimeout(self.timeouts.silence)
        return Reply(self._response)

    def rest(self) -> None:
        """The reply was dealt with: the connection is kept if it was read to its end."""
        if self._response is not None and not self._response.isclosed():
            self._drop()
        self._response = None
        self._rests_since = time.monotonic()

    def close(self) -> None:
        """Let go of the connection."""
        self._drop()
        self.stop.release()

    def _open(self) -> http.client.HTTPConnection:
        kept = self._connection
        if (
            kept is not None
            and kept.sock is not None
            and time.monotonic() - self._rests_since < IDLE_SECONDS
            and not _readable(kept.sock)
        ):
            return kept
        self._drop()
        host = self._address.hostname or ""
        connection = http.client.HTTPConnection(host, self._port)
        if self._address.scheme == "https" and self._port == 443:
            connection.default_port = 443  # the Host header names it only where it is another
        with _as_httpx(httpx.ConnectTimeout, httpx.ConnectError):
            connection.sock = self._connect(host)
        self._connection = connection
        return connection

    def _connect(self, host: str) -> socket.socket:
        first = (host, self._port) if self._proxy is None else self._proxy[0]
        connection = socket.create_connection(first, self.timeouts.connect)
        try:
            self.stop.watch(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._proxy is not None:
                self._tunnel(connection, host)
            if self._context is not None:
                return self._context.wrap_socket(connection, server_hostname=host)
        except BaseException:
            connection.close()
            raise
        return connection

    def _tunnel(self, connection: socket.socket, host: str) -> None:
        assert self._proxy is not None  # noqa: S101
        _, authorization = self._proxy
        to = f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"
        connection.sendall(f"CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n{authorization}\r\n".encode())
        response = http.client.HTTPResponse(connection, method="CONNECT")
        response.begin()
        response.close()
        if response.status != 200:
            raise httpx.ProxyError(f"{response.status}")

    @contextlib.contextmanager
    def _dropped(self) -> Iterator[None]:
        """A connection that something went wrong with is not used again."""
        try:
            yield
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextlib.contextmanager
def _as_httpx(late: type[httpx.TimeoutException], broken: type[httpx.NetworkError]) -> Iterator[None]:
    """The standard library's exceptions as httpx's, so that one table gives each its words."""
    try:
        yield
    except httpx.HTTPError:
        raise
    except TimeoutError as error:
        raise late(str(error)) from error
    except http.client.HTTPException as error:  # RemoteDisconnected is one too
        raise httpx.RemoteProtocolError(type(error).__name__) from error
    except UnicodeError:
        raise  # of a name that cannot be one: it has its words
    except (OSError, ValueError) as error:  # ValueError: of a socket that was closed from elsewhere
        raise broken(str(error)) from error


def _readable(connection: socket.socket) -> bool:
    """Whether something came that nobody asked for: a close, as a rule."""
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _proxy(backend: Backend) -> tuple[tuple[str, int], str] | None:
    """Address and header of the proxy that the environment names for the backend. Raises ValueError for odd ones."""
    address = urlsplit(backend.base_url)
    if backend.on_this_machine or urllib.request.proxy_bypass(address.hostname or ""):
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
    who = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    basic = base64.b64encode(who.encode()).decode("ascii")
    return (proxy.hostname, proxy.port or 80), f"proxy-authorization: Basic {basic}\r\n"
