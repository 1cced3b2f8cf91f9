"""Send many requests over one connection to a backend: an experiment sends hundreds from each worker."""

from __future__ import annotations

import base64
import contextlib
import http.client
import select
import socket
import ssl
import time
from collections.abc import Iterator

import httpx

from lib.api import transport
from lib.api.backend import Backend
from lib.api.cancellation import CancelToken

# Connections idle for longer are reopened: the server may be closing them just now.
MAX_IDLE_SECONDS = 15.0
CHUNK_BYTES = 64 * 1024


class PersistentConnection:
    """A connection for one thread at a time, with the client's requests and errors.

    Responses are parsed by the standard library: httpx's and httpcore's pools, HTTP/2 and redirects take three times
    the processor time (``bench/persistent_connection.py``). The caller gets them as httpx's responses. A connection
    that the server closed is noticed before anything is sent, and reopened. Any later failure is an error: the
    request may have arrived, so it is not sent again here.

    ``cancel_token`` ends the current request at once, and the connection with it. ``was_sent`` is True if at least a
    part of the last request was sent, so that it may have been paid. Raises Unreachable if this machine's proxy or
    certificates cannot be used.
    """

    def __init__(self, timeouts: transport.Timeouts, backend: Backend) -> None:
        self.cancel_token = CancelToken()
        self.was_sent = False
        self.timeouts = timeouts
        self.backend = backend
        with transport.translate_setup_errors():
            # httpx encodes an international host name as it is sent.
            base = httpx.URL(backend.base_url)
            self._host, self._secure = base.raw_host.decode("ascii"), base.scheme == "https"
            self._port = base.port or (443 if self._secure else 80)
            self._context = transport.ssl_context(backend)
            self._proxy = transport.environment_proxy(backend)
            if self._proxy is not None and self._proxy.url.scheme != "http":
                raise ValueError(self._proxy.url.scheme)
        self._path = f"{base.raw_path.decode('ascii').rstrip('/')}/accounts/{backend.account_id}/ai/run/"
        headers = {
            "host": base.netloc.decode("ascii"),
            "accept": "*/*",
            **transport.request_headers(backend),
            "content-type": "application/json",
        }
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._connection: socket.socket | None = None
        self._idle_since = 0.0

    def post(self, model: str, body: bytes) -> httpx.Response:
        """Send a request and return the response up to its body, to be read and closed. Raises httpx's errors."""
        self.was_sent = False
        head = f"POST {self._path}{model} HTTP/1.1\r\n{self._headers}content-length: {len(body)}\r\n\r\n"
        connection = self._open()
        try:
            connection.settimeout(self.timeouts.first_byte)
            self.was_sent = True
            with _as_httpx_errors(httpx.WriteTimeout, httpx.WriteError):
                connection.sendall(head.encode("ascii") + body)
            with _as_httpx_errors(httpx.ReadTimeout, httpx.ReadError):
                response = _read_head(connection, "POST")
                if not response.isclosed():
                    connection.settimeout(self.timeouts.silence)
        except BaseException:
            self.close()
            raise
        # The standard library decodes headers as Latin-1; as bytes they keep what is not ASCII.
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.getheaders()]
        return httpx.Response(response.status, headers=headers, stream=_ResponseBody(self, response))

    def finish_response(self, reusable: bool) -> None:
        """Keep the connection for the next request, or close it if it is not reusable."""
        if not reusable:
            self.close()
        self._idle_since = time.monotonic()

    def _open(self) -> socket.socket:
        is_fresh = time.monotonic() - self._idle_since < MAX_IDLE_SECONDS
        if self._connection is None or not is_fresh or _is_readable(self._connection):
            self.close()
            with _as_httpx_errors(httpx.ConnectTimeout, httpx.ConnectError):
                self._connection = self._connect()
        return self._connection

    def _connect(self) -> socket.socket:
        address = (self._host, self._port)
        if self._proxy is not None:
            address = (self._proxy.url.host, self._proxy.url.port or 80)
        connection = socket.create_connection(address, self.timeouts.connect)
        try:
            self.cancel_token.watch_socket(connection)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._proxy is not None:
                self._open_tunnel(connection, self._proxy)
            if self._secure:
                return self._context.wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_tunnel(self, connection: socket.socket, proxy: httpx.Proxy) -> None:
        """Ask the proxy for a tunnel to the backend; it learns the host's name only. Raises ProxyError."""
        target = f"{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"
        authorization = ""
        if proxy.raw_auth is not None:
            credentials = base64.b64encode(b":".join(proxy.raw_auth)).decode("ascii")
            authorization = f"proxy-authorization: Basic {credentials}\r\n"
        connection.sendall(
            f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{authorization}\r\n".encode("ascii")
        )
        response = _read_head(connection, "CONNECT")
        response.close()
        if response.status != 200:
            raise httpx.ProxyError(str(response.status))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        # The token holds a duplicate of the socket, which would keep the connection open.
        self.cancel_token.release_socket()


def _read_head(connection: socket.socket, method: str) -> http.client.HTTPResponse:
    """Return a response whose body is not read yet."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
    except BaseException:  # an unclosed response keeps the connection open
        response.close()
        raise
    return response


class _ResponseBody(httpx.SyncByteStream):
    """The body of a response, as httpx reads it."""

    def __init__(self, connection: PersistentConnection, response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_errors(httpx.ReadTimeout, httpx.ReadError):
            try:
                while chunk := self._response.read(CHUNK_BYTES):
                    yield chunk
            except http.client.IncompleteRead as error:  # a chunked body: keep the part that was received
                yield error.partial
                raise
            if self._response.length:  # a body with a content-length
                raise httpx.RemoteProtocolError("the body is shorter than was announced")

    def close(self) -> None:
        is_whole = self._response.isclosed()  # the response closes itself at its end
        self._response.close()
        self._connection.finish_response(is_whole and not self._response.will_close)


@contextlib.contextmanager
def _as_httpx_errors(
    timeout: type[httpx.TimeoutException], network_error: type[httpx.NetworkError]
) -> Iterator[None]:
    """Raise the standard library's exceptions as httpx's, so that one table translates both."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except http.client.HTTPException as error:
        raise httpx.RemoteProtocolError(type(error).__name__) from error
    except OSError as error:
        raise network_error(str(error)) from error


def _is_readable(connection: socket.socket) -> bool:
    """Return True if the idle connection received something: usually that the server closed it."""
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
