"""Transport: an HTTP client for one backend, and every exception of httpx as one of ours."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import httpx

from lib.api.backend import Backend
from lib.errors import PaddockError, TimedOut, Unintelligible, Unreachable

Cause = TypeVar("Cause", bound=BaseException)


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, to the first byte of the answer (a long prompt takes its time), between two bytes."""

    connect: float = 10.0
    first_byte: float = 180.0
    silence: float = 60.0


DEFAULT_TIMEOUTS = Timeouts()


@cache
def _trusted_context() -> ssl.SSLContext:
    """One context for all: reading the certificates takes longer than a request to the twin."""
    return httpx.create_ssl_context()


def ssl_context(backend: Backend) -> ssl.SSLContext:
    """What the server's certificate is checked by."""
    # Without TLS no certificates are read: the twin does not depend on how this machine keeps them.
    return _trusted_context() if backend.base_url.startswith("https:") else _empty_context()


@cache
def _empty_context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def request_headers(backend: Backend) -> dict[str, str]:
    """What every request to that backend carries."""
    return {
        "authorization": f"Bearer {backend.token.reveal()}",
        "user-agent": "paddock",
        "accept-encoding": "identity",  # compression would hold tokens back to fill its window
    }


@contextlib.contextmanager
def translate_setup_errors() -> Iterator[None]:
    """What this machine's set-up forbids, as Unreachable."""
    try:
        yield
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


def open_client(timeouts: Timeouts, backend: Backend) -> httpx.Client:
    """A client that asks this backend, with its token. Raises Unreachable where this machine's set-up forbids one."""
    with translate_setup_errors():
        return httpx.Client(
            headers=request_headers(backend),
            timeout=httpx.Timeout(timeouts.connect, read=timeouts.first_byte),
            trust_env=not backend.is_local,
            verify=ssl_context(backend),
            follow_redirects=False,  # a redirect could carry the token and the conversation to another host
        )


@contextlib.contextmanager
def translate_errors(timeouts: Timeouts, backend: Backend, *, answering: bool = False) -> Iterator[None]:
    """Every exception of httpx as one of ours, and the token in none, should a server have echoed it.

    ``from None``: httpx's own exceptions hold the request, and with it the Authorization header.
    """
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        raise translate_error(error, timeouts, answering=answering) from None
    except PaddockError as error:
        error.mask(backend.token.reveal())
        raise


def translate_error(error: Exception, timeouts: Timeouts, *, answering: bool = False) -> PaddockError:
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
        case httpx.ConnectError() if verdict := _find_cause(error, ssl.SSLCertVerificationError):
            why = getattr(verdict, "verify_message", "it cannot be verified")
            return Unreachable(
                f"The server's TLS certificate is not trusted ({why}), so nothing was sent.",
                advice="Check this machine's clock, and any proxy that reads along on the way.",
            )
        case httpx.ConnectError() if _find_cause(error, ssl.SSLError):
            return Unreachable(
                "The server at that address could not agree on TLS, so nothing was sent.",
                advice="Check CLOUDFLARE_BASE_URL and any proxy on the way, then retry.",
                retryable=True,
            )
        case httpx.ConnectError() if _find_cause(error, socket.gaierror):
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


def _find_cause(error: BaseException, kind: type[Cause]) -> Cause | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause
