"""WorkersAI: speaks the API over HTTP, turns a request into an iterator of events, and can be stopped at any time."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import sseclient

from lib import wire
from lib.backend import Backend
from lib.errors import CutOff, PaddockError, TimedOut, Unintelligible, Unreachable
from lib.events import Event, Finished
from lib.request import Request

# More than any answer within the context window can be; a server that never ends does not fill the memory.
MAX_ERROR_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 64 * 1024 * 1024


@cache
def _tls() -> ssl.SSLContext:
    """One context for all: reading the certificates takes longer than a request to the twin."""
    return httpx.create_ssl_context()


class Stopped(Exception):
    """Raised inside the iterator when it was stopped on purpose; not an error, so not in the error tree."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, to the first byte of the answer (a long prompt takes its time), between two bytes."""

    connect: float = 10.0
    first_byte: float = 180.0
    silence: float = 60.0


@dataclass(frozen=True)
class Retries:
    """How often, and after which pause, a request is tried again before its first byte has come.

    The pause doubles from ``pause`` seconds, with jitter; a Retry-After is obeyed up to ``longest_wait`` seconds.
    """

    attempts: int = 3
    pause: float = 0.5
    longest_wait: float = 30.0

    def wait(self, attempt: int, asked: float | None) -> float | None:
        """Seconds to wait after that attempt (from 1), None where no other should follow."""
        if attempt >= self.attempts or (asked is not None and asked > self.longest_wait):
            return None
        if asked is not None:
            return asked
        # Jitter spreads clients that failed together; nothing secret hangs on it.
        return float(self.pause * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))  # noqa: S311


class Stop:
    """A handle to end a request from another thread, at once, even while it waits for the first byte.

    Closing the response would not do: the reading thread stays blocked in recv until the socket is shut down.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._stream: Any = None
        self._lock = threading.Lock()

    @property
    def requested(self) -> bool:
        """Whether somebody asked for the end."""
        return self._event.is_set()

    def request(self) -> None:
        """Ask for the end. Safe from any thread, any number of times."""
        with self._lock:
            self._event.set()
            self._shut()

    def wait(self, seconds: float) -> bool:
        """Sleep that long, or until the end is asked for; True then."""
        return self._event.wait(seconds)

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """httpx's trace extension: the only way to the socket while the request is on its way."""
        if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            with self._lock:
                self._stream = info["return_value"]
                if self.requested:
                    self._shut()

    def _shut(self) -> None:
        if self._stream is not None and (sock := self._stream.get_extra_info("socket")) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class WorkersAI:
    """A client of the Workers AI REST API. It holds no connection and no token: each call brings its backend."""

    def __init__(self, timeouts: Timeouts = Timeouts(), retries: Retries = Retries()) -> None:
        self.timeouts = timeouts
        self.retries = retries

    def stream(
        self,
        backend: Backend,
        request: Request,
        stop: Stop,
        on_retry: Callable[[int, float, PaddockError], None] = lambda attempt, wait, error: None,
    ) -> Iterator[Event]:
        """The answer's events as they come. Raises a PaddockError, or Stopped once ``stop`` was requested.

        Tries again, bounded and with a pause, only while nothing of the answer has come; ``on_retry`` is told
        the attempt that failed, the seconds it waits, and the error.
        """
        for attempt in range(1, self.retries.attempts + 1):
            begun = False
            try:
                for event in self._once(backend, request, stop):
                    begun = True
                    yield event
                return
            except PaddockError as error:
                if stop.requested:
                    raise Stopped from None
                wait = self.retries.wait(attempt, error.retry_after)
                if begun or not error.retryable or wait is None:
                    raise
                on_retry(attempt, wait, error)
                if stop.wait(wait):
                    raise Stopped from None

    def check(self, backend: Backend) -> None:
        """Ask whether the account and the token are good, without spending anything. Raises a PaddockError."""
        # The cheapest question that needs both: a search of the model list without hits.
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/models/search"
        with self._client(backend) as client, _translated(self.timeouts):
            response = client.get(url, params={"search": "paddock-credential-check"})
            if response.status_code != 200:
                raise _refused(response, response.text[:MAX_ERROR_BYTES])
            try:
                good = response.json().get("success") is True
            except (ValueError, AttributeError, RecursionError):
                good = False
            if not good:
                raise wire.decode_error(
                    response.status_code, response.text[:MAX_ERROR_BYTES], response.headers
                )

    def _client(self, backend: Backend) -> httpx.Client:
        return httpx.Client(
            headers={"authorization": f"Bearer {backend.token.reveal()}", "user-agent": "paddock"},
            timeout=httpx.Timeout(self.timeouts.connect, read=self.timeouts.first_byte),
            trust_env=not backend.on_this_machine,
            verify=_tls(),
            follow_redirects=False,  # a redirect could carry the token and the conversation to another host
        )

    def _once(self, backend: Backend, request: Request, stop: Stop) -> Iterator[Event]:
        if stop.requested:
            raise Stopped
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/run/{request.model}"
        with (
            _translated(self.timeouts, stop),
            self._client(backend) as client,
            client.stream(
                "POST", url, json=wire.encode(request), extensions={"trace": stop.trace}
            ) as response,
        ):
            # httpcore reads the timeout anew when the body begins: from here on it is the one for silence.
            response.request.extensions["timeout"]["read"] = self.timeouts.silence
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if response.status_code != 200:
                raise _refused(response, _text(response, MAX_ERROR_BYTES))
            if kind == "text/event-stream":
                yield from _events(response)
            elif kind == "application/json":  # [REC] some models ignore stream: true
                yield from wire.decode_whole(_text(response, MAX_ANSWER_BYTES))
            else:
                raise wire.decode_error(200, _text(response, MAX_ERROR_BYTES), response.headers)


def _events(response: httpx.Response) -> Iterator[Event]:
    finished = False
    try:
        for event in sseclient.SSEClient(_bounded(response)).events():
            for value in wire.decode_event(event.data):
                finished = finished or isinstance(value, Finished)
                yield value
            if event.data == wire.DONE:
                return
    except (httpx.RemoteProtocolError, httpx.ReadError) as error:
        if not finished:
            raise _cut_off("the connection broke") from error
    except (Unintelligible, UnicodeDecodeError) as error:
        # sseclient-py hands over the piece of an event that a broken stream ends with; if more follows, it is
        # no end, and the server speaks something else.
        if not response.is_stream_consumed:
            raise
        raise _cut_off("its last event is not whole") from error
    if not finished:
        raise _cut_off("the server ended it without the closing [DONE]")


def _cut_off(how: str) -> CutOff:
    return CutOff(
        f"The answer did not come to its end: {how}.",
        advice="What came is kept. Retry for a whole answer.",
        retryable=True,
    )


def _bounded(response: httpx.Response) -> Iterator[bytes]:
    size = 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise Unintelligible("The server's answer does not end.", advice="What came is kept. Retry.")
        yield chunk


def _text(response: httpx.Response, limit: int) -> str:
    parts, size = [], 0
    for chunk in response.iter_bytes():
        parts.append(chunk)
        size += len(chunk)
        if size >= limit:
            break
    return b"".join(parts)[:limit].decode("utf-8", "replace")


def _refused(response: httpx.Response, text: str) -> PaddockError:
    if response.is_redirect:
        target = httpx.URL(response.headers.get("location", "")).host or "another address"
        return Unreachable(
            f"The server wants to redirect the request to {target}; it was not followed, for it carries your token.",
            advice="Check CLOUDFLARE_BASE_URL: it must be the API's own address.",
        )
    return wire.decode_error(response.status_code, text, response.headers)


@contextlib.contextmanager
def _translated(timeouts: Timeouts, stop: Stop | None = None) -> Iterator[None]:
    """Every exception of httpx as one of ours: total, and without the addresses and headers in its text."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        if stop is not None and stop.requested:
            raise Stopped from None
        raise translate(error, timeouts) from error


def translate(error: Exception, timeouts: Timeouts) -> PaddockError:
    """The error that one of httpx's exceptions stands for."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return TimedOut(
                f"No connection within {timeouts.connect:g} s.",
                advice="Check the network, then retry.",
                retryable=True,
            )
        case httpx.ReadTimeout() | httpx.WriteTimeout():
            return TimedOut(
                "The service went silent: nothing came for "
                f"{timeouts.first_byte:g} s before the answer, or for {timeouts.silence:g} s within it.",
                advice="What came is kept. Retry, or lower max_tokens.",
                retryable=False,  # the request may be running: sending it again could pay twice
            )
        case httpx.ConnectError() if _caused_by(error, ssl.SSLError):
            return Unreachable(
                "The server's TLS certificate could not be verified, so nothing was sent.",
                advice="Check this machine's clock and any proxy between here and the service.",
            )
        case httpx.ConnectError() if _caused_by(error, socket.gaierror):
            return Unreachable(
                "The service's name could not be resolved.",
                advice="Check the network connection and CLOUDFLARE_BASE_URL, then retry.",
                retryable=True,
            )
        case httpx.ConnectError():
            return Unreachable(
                "The connection was refused or the network is down.",
                advice="Check the network connection, then retry.",
                retryable=True,
            )
        case httpx.ProxyError():
            return Unreachable(
                "The proxy refused the connection.", advice="Check the proxy settings, then retry."
            )
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | httpx.LocalProtocolError():
            return Unreachable("The address cannot be used.", advice="Check CLOUDFLARE_BASE_URL.")
        case httpx.DecodingError():
            return Unintelligible("The answer's compression is broken.", advice="Retry.", retryable=True)
        case httpx.NetworkError() | httpx.RemoteProtocolError() | httpx.StreamError():
            return Unreachable(
                "The connection broke before an answer came.",
                advice="Check the network connection, then retry.",
                retryable=True,
            )
        case _:
            return Unreachable(
                f"The request failed ({type(error).__name__}).", advice="Retry.", retryable=True
            )


def _caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, kind):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
