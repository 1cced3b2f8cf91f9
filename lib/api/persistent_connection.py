"""A connection to a backend: a chat sends one request over it, a worker of an experiment hundreds."""

from __future__ import annotations

import contextlib
import select
import ssl
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

import h11
import httpx

from lib.api import transport
from lib.api.backend import Backend
from lib.api.cancellation import CancelToken
from lib.api.connection_opening import Socket, open_connection
from lib.api.reply_limits import MAX_HEAD_BYTES, ReplyDeadline
from lib.api.reply_reader import ReplyReader, as_httpx_errors
from lib.api.tls_in_tls import TlsInTlsSocket

# Connections idle for longer are reopened: the server may be closing them just now.
MAX_IDLE_SECONDS = 15.0


class PersistentConnection:
    """A connection for one thread at a time.

    HTTP is parsed by h11, the parser of httpx. httpx's client takes twice the processor time
    (``bench/persistent_connection.py``), and its timeouts begin again with each byte. The caller gets httpx's
    responses. A connection that the server closed is noticed before anything is sent, and reopened. Any later failure
    is an error: the request may have arrived, so it is not sent again here.

    It asks for resources below the address ``root``. ``cancel_token`` ends the current request at once, and the
    connection with it. ``deadline`` is the current reply's. ``was_sent`` is True if at least a part of the last
    request was sent, so that it may have been paid.
    Raises Unreachable if this machine's proxy or certificates cannot be used.
    """

    def __init__(
        self,
        timeouts: transport.Timeouts,
        backend: Backend,
        root: str,
        cancel_token: CancelToken | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.cancel_token = cancel_token or CancelToken()
        self.deadline = ReplyDeadline(timeouts)
        self.was_sent = False
        self.timeouts = timeouts
        self.backend = backend
        self._root = root
        # httpx encodes an international host name as it is sent.
        base = httpx.URL(root)
        self._host, self._secure = base.raw_host.decode("ascii"), base.scheme == "https"
        self._port = base.port or (443 if self._secure else 80)
        # Without TLS no certificates are read, so the twin works on a machine whose certificates are broken.
        self._context = transport.trusted_context() if self._secure else None
        self._proxy = transport.environment_proxy(root)
        self._headers = {
            "host": base.netloc.decode("ascii"),
            "accept": "*/*",
            **transport.request_headers(backend),
            **headers,
        }
        self._connection: Socket | None = None
        self._idle_since = 0.0

    def url(self, path: str) -> httpx.URL:
        """Return the address of a resource."""
        return _parse_url(f"{self._root}/{path}")

    def request_headers(self, body: bytes) -> list[tuple[str, str]]:
        """Return the headers of a request with that JSON, or without a body if it is empty."""
        content = {"content-type": "application/json", "content-length": str(len(body))} if body else {}
        return list((self._headers | content).items())

    def send(self, method: str, path: str, body: bytes = b"") -> httpx.Response:
        """Send a request and return the response up to its body, to be read and closed.

        Raises httpx's errors, TimedOut and Unintelligible.
        """
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        with as_httpx_errors(httpx.WriteTimeout, httpx.WriteError):
            request = h11.Request(
                method=method, target=self.url(path).raw_path, headers=self.request_headers(body)
            )
            events = (request, h11.Data(body), h11.EndOfMessage())
            sent = b"".join(http.send(event) or b"" for event in events)
        try:
            connection = self._open()
            self.deadline.begin()
            connection.settimeout(self.timeouts.first_byte)
            self.was_sent = True
            # A server may refuse a long request before it has read all of it: the reply says why.
            with (
                as_httpx_errors(httpx.WriteTimeout, httpx.WriteError),
                contextlib.suppress(BrokenPipeError, ConnectionResetError),
            ):
                connection.sendall(sent)
            reply = ReplyReader(http, connection, self.deadline)
            head = reply.read_head()
        except BaseException:
            self.close()
            raise
        return httpx.Response(
            head.status_code, headers=head.headers.raw_items(), stream=_ResponseBody(self, reply)
        )

    def finish_response(self, reusable: bool) -> None:
        """Keep the connection for the next request, or close it if it is not reusable."""
        if not reusable:
            self.close()
        self._idle_since = time.monotonic()

    def _open(self) -> Socket:
        is_fresh = time.monotonic() - self._idle_since < MAX_IDLE_SECONDS
        if self._connection is None or not is_fresh or _is_readable(self._connection):
            self.close()
            with as_httpx_errors(httpx.ConnectTimeout, httpx.ConnectError):
                self._connection = open_connection(
                    (self._host, self._port), self._proxy, self._context, self.timeouts, self.cancel_token
                )
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        # The token holds a duplicate of the socket, which would keep the connection open.
        self.cancel_token.release_socket()


# Cached: parsing takes a quarter of a request's processor time, and a run's requests go to one address.
@lru_cache(maxsize=16)
def _parse_url(url: str) -> httpx.URL:
    return httpx.URL(url)


class _ResponseBody(httpx.SyncByteStream):
    """The body of a response, as httpx reads it."""

    def __init__(self, connection: PersistentConnection, reply: ReplyReader) -> None:
        self._connection = connection
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        return self._reply.read_body()

    def close(self) -> None:
        self._connection.finish_response(self._reply.is_reusable)


def _is_readable(connection: Socket) -> bool:
    """Return True if the idle connection received something: usually that the server closed it."""
    if isinstance(connection, (ssl.SSLSocket, TlsInTlsSocket)) and connection.pending():
        return True
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
