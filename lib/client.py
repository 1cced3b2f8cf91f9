"""WorkersAI: speaks the API over HTTP, turns a request into an iterator of events, and can be stopped at any time."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

import httpx
import sseclient

from lib import wire
from lib.backend import Backend
from lib.distribution import Distribution, decode_distribution
from lib.errors import CutOff, PaddockError, TimedOut, Unintelligible, Unreachable
from lib.events import Event, Finished
from lib.request import Request
from lib.stop import Stop, Stopped

__all__ = ["Retries", "Stop", "Stopped", "Timeouts", "WorkersAI", "translate"]

# More than any answer within the context window can be; a server that never ends does not fill the memory.
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
# sseclient-py takes time with the square of an event's size; 60,000 tokens in one event would be half of this.
MAX_EVENT_BYTES = 512 * 1024
PIECE_BYTES = 64 * 1024

Cause = TypeVar("Cause", bound=BaseException)


@cache
def _tls() -> ssl.SSLContext:
    """One context for all: reading the certificates takes longer than a request to the twin."""
    return httpx.create_ssl_context()


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
                # closing: a consumer that stops early ends the request there and then
                with contextlib.closing(self._once(backend, request, stop)) as events:
                    for event in events:
                        if stop.requested:  # a socket that is shut down still gives what had come before
                            raise Stopped
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
        timeouts = replace(self.timeouts, first_byte=self.timeouts.connect)  # somebody waits for it
        with (
            _translated(timeouts, backend),
            _http(timeouts, backend) as client,
            client.stream("GET", url, params={"search": "paddock-credential-check"}) as response,
        ):
            if response.status_code != 200:
                raise _refused(response)
            text = _text(response, MAX_ERROR_BYTES)
            if not wire.succeeded(text):
                raise wire.decode_error(response.status_code, text, response.headers)

    def probabilities(self, backend: Backend, request: Request) -> Distribution:
        """The probabilities of the token that would come next. Only the twin tells them. Raises a PaddockError."""
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/paddock/probabilities"
        with (
            _translated(self.timeouts, backend),
            _http(self.timeouts, backend) as client,
            client.stream("POST", url, json=wire.encode(request)) as response,
        ):
            if response.status_code != 200:
                raise _refused(response)
            text = _text(response, MAX_EVENT_BYTES)
            if not wire.succeeded(text):
                raise wire.decode_error(response.status_code, text, response.headers)
            return decode_distribution(text)

    def _once(self, backend: Backend, request: Request, stop: Stop) -> Generator[Event, None, None]:
        url = f"{backend.base_url}/accounts/{backend.account_id}/ai/run/{request.model}"
        with contextlib.ExitStack() as stack:
            stack.callback(stop.release)
            with _translated(self.timeouts, backend):
                client = stack.enter_context(_http(self.timeouts, backend))
                post = client.build_request(
                    "POST", url, json=wire.encode(request), extensions={"trace": stop.trace}
                )
                response = stop.open(lambda: client.send(post, stream=True), httpx.Response.close)
            stack.callback(response.close)
            # httpcore reads the timeout anew when the body begins: from here on it is the one for silence.
            post.extensions["timeout"]["read"] = self.timeouts.silence
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            with _translated(self.timeouts, backend, answering=True):
                if response.status_code != 200:
                    raise _refused(response)
                if kind == "text/event-stream":
                    yield from _events(response)
                elif kind == "application/json":  # [REC] some models ignore stream: true
                    yield from wire.decode_whole(_text(response, MAX_ANSWER_BYTES))
                else:
                    raise wire.decode_error(200, _text(response, MAX_ERROR_BYTES), response.headers)


def _http(timeouts: Timeouts, backend: Backend) -> httpx.Client:
    try:
        return httpx.Client(
            headers={
                "authorization": f"Bearer {backend.token.reveal()}",
                "user-agent": "paddock",
                "accept-encoding": "identity",  # compression would hold tokens back to fill its window
            },
            timeout=httpx.Timeout(timeouts.connect, read=timeouts.first_byte),
            trust_env=not backend.on_this_machine,
            # Without TLS no certificates are read: the twin does not depend on how this machine keeps them.
            verify=_tls()
            if backend.base_url.startswith("https:")
            else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            follow_redirects=False,  # a redirect could carry the token and the conversation to another host
        )
    except OSError:
        raise Unreachable(
            "This machine's list of trusted certificates cannot be read.",
            advice="Check SSL_CERT_FILE and SSL_CERT_DIR, then retry.",
        ) from None
    except (
        ImportError,
        ValueError,
        httpx.InvalidURL,
    ):  # a proxy of an unknown kind, or SOCKS without its package
        raise Unreachable(
            "The proxy that this machine's environment names cannot be used.",
            advice="Check HTTPS_PROXY and ALL_PROXY: an http:// proxy works. Then retry.",
        ) from None


def _events(response: httpx.Response) -> Iterator[Event]:
    finished = False
    try:
        for event in sseclient.SSEClient(_bounded(response)).events():
            for value in wire.decode_event(event.data):
                finished = finished or isinstance(value, Finished)
                yield value
            if event.data == wire.DONE:
                return
    except (httpx.RemoteProtocolError, httpx.ReadError):
        if not finished:
            raise _cut_off("the connection broke") from None
    except (Unintelligible, UnicodeDecodeError):
        # sseclient-py hands over the piece of an event that a broken stream ends with. Where the input has not
        # ended (httpx closes the response at its end), this is no such piece: the server speaks something else.
        if not response.is_closed:
            raise Unintelligible(
                "The server sent an event that cannot be read.", advice=wire.GARBLED
            ) from None
        raise _cut_off("its last event is not whole") from None
    if not finished:
        raise _cut_off("the server ended it without the closing [DONE]")


def _cut_off(how: str) -> CutOff:
    return CutOff(
        f"The answer did not come to its end: {how}.",
        advice="What came is kept. Retry for a whole answer.",
        retryable=True,
    )


def _bounded(response: httpx.Response) -> Iterator[bytes]:
    """The body in pieces, up to the bounds of an answer and of one event."""
    whole, event, tail = 0, 0, b""
    for chunk in response.iter_bytes():
        for start in range(0, len(chunk), PIECE_BYTES):  # a decompressed chunk may be huge
            piece = chunk[start : start + PIECE_BYTES]
            whole += len(piece)
            seen = tail + piece  # the end of an event may be split
            end = max(seen.rfind(b"\n\n"), seen.rfind(b"\n\r\n"), seen.rfind(b"\r\r"))
            event = event + len(piece) if end < 0 else len(seen) - end
            tail = seen[-2:]
            if whole > MAX_ANSWER_BYTES or event > MAX_EVENT_BYTES:
                raise Unintelligible("The server's answer does not end.", advice=wire.GARBLED)
            yield piece


def _text(response: httpx.Response, limit: int) -> str:
    parts, size = [], 0
    for chunk in response.iter_bytes():
        parts.append(chunk)
        size += len(chunk)
        if size >= limit:
            break
    return b"".join(parts)[:limit].decode("utf-8", "replace")


def _refused(response: httpx.Response) -> PaddockError:
    if response.is_redirect:
        target = httpx.URL(response.headers["location"]).host or "another address"
        return Unreachable(
            f"The server wants to redirect the request to {target}; it was not followed, for it carries your token.",
            advice="Check CLOUDFLARE_BASE_URL: it must be the API's own address.",
        )
    try:
        text = _text(response, MAX_ERROR_BYTES)
    except httpx.HTTPError:  # the status tells more than the way in which its explanation broke
        text = ""
    return wire.decode_error(response.status_code, text, response.headers)


@contextlib.contextmanager
def _translated(timeouts: Timeouts, backend: Backend, *, answering: bool = False) -> Iterator[None]:
    """Every exception of httpx as one of ours, and the token in none, should a server have echoed it.

    ``from None``: httpx's own exceptions hold the request, and with it the Authorization header.
    """
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        raise translate(error, timeouts, answering=answering) from None
    except PaddockError as error:
        error.mask(backend.token.reveal())
        raise


def translate(error: Exception, timeouts: Timeouts, *, answering: bool = False) -> PaddockError:
    """The error that one of httpx's exceptions stands for; ``answering``: it came within the answer."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return TimedOut(
                f"No connection within {timeouts.connect:g} s.",
                advice="Check the network connection and any firewall or proxy on the way, then retry.",
                retryable=True,
            )
        case httpx.TimeoutException():
            return TimedOut(
                f"The answer stopped: nothing more came for {timeouts.silence:g} s."
                if answering
                else f"No answer began within {timeouts.first_byte:g} s.",
                advice="What came is kept. Retry, or lower max_tokens."
                if answering
                else "The service may be busy, or the conversation long: shorten it, or retry later.",
                retryable=False,  # the request may be running: sending it again could pay twice
            )
        case httpx.ConnectError() if verdict := _cause(error, ssl.SSLCertVerificationError):
            why = getattr(verdict, "verify_message", "it cannot be verified")
            return Unreachable(
                f"The server's TLS certificate is not trusted ({why}), so nothing was sent.",
                advice="Check this machine's clock, and any proxy that reads along on the way.",
            )
        case httpx.ConnectError() if _cause(error, ssl.SSLError):
            return Unreachable(
                "The server at that address could not agree on TLS, so nothing was sent.",
                advice="Check CLOUDFLARE_BASE_URL and any proxy on the way, then retry.",
                retryable=True,
            )
        case httpx.ConnectError() if _cause(error, socket.gaierror):
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
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | httpx.LocalProtocolError() | UnicodeError():
            # UnicodeError: name resolution's word for a name that cannot be one
            return Unreachable("The address cannot be used.", advice="Check CLOUDFLARE_BASE_URL.")
        case httpx.DecodingError():
            return Unintelligible("The answer's compression is broken.", advice="Retry.", retryable=True)
        case httpx.NetworkError() | httpx.RemoteProtocolError() | httpx.StreamError():
            return Unreachable(
                "The connection broke within the answer."
                if answering
                else "The connection broke before an answer came.",
                advice="Check the network connection, then retry.",
                retryable=True,
            )
        case _:
            return Unreachable(
                f"The request failed ({type(error).__name__}).", advice="Retry.", retryable=True
            )


def _cause(error: BaseException, kind: type[Cause]) -> Cause | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause
