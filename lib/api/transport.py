"""Find the way to a backend: certificates, headers and proxy; and translate exceptions of the way."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import httpx

from lib.api.backend import Backend, is_local
from lib.api.cancellation import Cancelled
from lib.api.environment_proxy import Proxy, find_proxy
from lib.errors import PaddockError, TimedOut, Unintelligible, Unreachable

Cause = TypeVar("Cause", bound=BaseException)


@dataclass(frozen=True)
class Timeouts:
    """Seconds to wait for a connection, for the answer's first byte, and between two bytes.

    A long prompt delays the first byte.
    """

    connect: float = 10.0
    first_byte: float = 180.0
    silence: float = 60.0


DEFAULT_TIMEOUTS = Timeouts()


@cache
def _trusted_context() -> ssl.SSLContext:
    # Cached: reading the certificates takes longer than a request to the twin.
    return httpx.create_ssl_context()


def trusted_context() -> ssl.SSLContext:
    """Return the context that verifies certificates. Raises Unreachable if this machine's list cannot be read."""
    try:
        return _trusted_context()
    except OSError:
        raise Unreachable(
            "Paddock cannot read the list of trusted certificates on this computer.",
            advice="Check SSL_CERT_FILE and SSL_CERT_DIR, then retry.",
        ) from None


def request_headers(backend: Backend) -> dict[str, str]:
    """Return the headers of every request to the backend."""
    return {
        "authorization": f"Bearer {backend.token.reveal()}",
        "user-agent": "paddock",
        "accept-encoding": "identity",  # compression would delay tokens until its window is full
    }


def environment_proxy(url: str) -> Proxy | None:
    """Return the proxy that the environment chooses for an address. Raises Unreachable if it cannot be used."""
    return None if is_local(url) else find_proxy(url)


@contextlib.contextmanager
def translate_errors(timeouts: Timeouts, backend: Backend, *, answering: bool = False) -> Iterator[None]:
    """Translate every exception but Cancelled to a PaddockError, and mask tokens that a server echoed.

    No reply may end in another kind of error: a KeyError in one reply would end a whole experiment.
    """
    try:
        yield
    except Cancelled:
        raise
    except PaddockError as error:
        for secret in backend.secrets:
            error.mask(secret)
        raise
    except Exception as error:
        # from None: httpx's exceptions hold the request, and with it the Authorization header.
        raise translate_error(error, timeouts, answering=answering) from None


def translate_error(error: Exception, timeouts: Timeouts, *, answering: bool = False) -> PaddockError:
    """Return the error for an exception of httpx or any other; ``answering``: the answer had begun."""
    match error:
        case _ if (system := _find_cause(error, OSError)) and system.errno in (errno.EMFILE, errno.ENFILE):
            return Unreachable(
                "This machine has no free file handle for a connection.",
                advice="Close other tabs and programs, or raise the limit (ulimit -n), then retry.",
                retryable=not answering,
            )
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return TimedOut(
                f"No connection within {timeouts.connect:g} s.",
                advice="Check the network connection, and any firewall or proxy, then retry.",
                retryable=True,
            )
        case httpx.TimeoutException():
            return TimedOut(
                f"No answer began within {timeouts.first_byte:g} s.",
                advice="The service may be busy, or the conversation long: shorten it, or retry later.",
                retryable=False,  # the request may be running: sending it again could pay twice
            )
        case httpx.ConnectError() if verification := _find_cause(error, ssl.SSLCertVerificationError):
            why = getattr(verification, "verify_message", "it cannot be verified")
            return Unreachable(
                f"The connection is not secure: the server's certificate is not trusted ({why}). Nothing was sent.",
                advice="Check the clock of this computer, and any proxy that reads your network traffic.",
            )
        case httpx.ConnectError() if _find_cause(error, ssl.SSLError):
            return Unreachable(
                "No secure connection to that address was possible. Nothing was sent.",
                advice="Check CLOUDFLARE_BASE_URL and any proxy, then retry.",
                retryable=True,
            )
        case httpx.ConnectError() if _find_cause(error, socket.gaierror):
            return Unreachable(
                "The address of the service was not found.",
                advice="Check the network connection and CLOUDFLARE_BASE_URL, then retry.",
                retryable=True,
            )
        case httpx.ConnectError():
            return Unreachable(
                "The connection was refused, or there is no network.",
                advice="Check the network connection, then retry.",
                retryable=True,
            )
        case (
            httpx.UnsupportedProtocol() | httpx.InvalidURL() | httpx.LocalProtocolError() | UnicodeError()
        ) if not answering:
            # Name resolution raises UnicodeError for an impossible name.
            return Unreachable("The address cannot be used.", advice="Check CLOUDFLARE_BASE_URL.")
        case httpx.DecodingError():
            return Unintelligible("The answer arrived damaged.", advice="Retry.", retryable=True)
        case httpx.NetworkError() | httpx.RemoteProtocolError() | httpx.StreamError():
            return Unreachable(
                "The connection broke during the answer."
                if answering
                else "The connection broke before an answer came.",
                advice="Check the network connection, then retry.",
                retryable=True,
            )
        case httpx.HTTPError():
            return Unreachable(
                f"The request failed ({type(error).__name__}).", advice="Retry.", retryable=True
            )
        case _:
            return Unintelligible(
                f"The server's reply could not be read ({type(error).__name__}).",
                advice="Retry. If it happens again, check CLOUDFLARE_BASE_URL and any proxy.",
            )


def _find_cause(error: BaseException, kind: type[Cause]) -> Cause | None:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause
