"""Every exception is translated to one of the tree, so none reaches the page as itself."""

from __future__ import annotations

import errno
import socket
import ssl
import zlib

import h11
import httpx
import pytest

from lib.api.transport import Timeouts, translate_error
from lib.errors import PaddockError, TimedOut, Unintelligible, Unreachable


def exception_classes(root: type[Exception]) -> set[type[Exception]]:
    return {root}.union(*(exception_classes(kind) for kind in root.__subclasses__()))


EXCEPTION_CLASSES = sorted(
    exception_classes(httpx.HTTPError)
    | exception_classes(httpx.StreamError)
    | {httpx.InvalidURL, UnicodeError, h11.LocalProtocolError, h11.RemoteProtocolError, zlib.error, OSError}
    | {
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
        MemoryError,
        RuntimeError,
    },
    key=lambda k: k.__name__,
)


def make_exception(kind: type[Exception]) -> Exception:
    """Return an instance without calling the constructor, because their parameters differ."""
    error = kind.__new__(kind)
    Exception.__init__(error, "secret detail")
    return error


def translate_for_test(error: Exception, answering: bool = False) -> PaddockError:
    return translate_error(error, Timeouts(1, 2, 3), answering=answering)


@pytest.mark.parametrize("kind", EXCEPTION_CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("answering", [True, False])
def test_total(kind: type[Exception], answering: bool) -> None:
    error = translate_for_test(make_exception(kind), answering)
    assert type(error) in (TimedOut, Unreachable, Unintelligible)
    assert error.advice
    assert "secret detail" not in error.message


def test_enough_of_them_were_walked() -> None:
    names = {kind.__name__ for kind in EXCEPTION_CLASSES}
    assert names >= {
        "ConnectTimeout",
        "ReadTimeout",
        "WriteTimeout",
        "PoolTimeout",
        "ConnectError",
        "ReadError",
        "WriteError",
        "CloseError",
        "ProxyError",
        "UnsupportedProtocol",
        "LocalProtocolError",
        "RemoteProtocolError",
        "DecodingError",
        "TooManyRedirects",
        "HTTPStatusError",
        "StreamConsumed",
        "StreamClosed",
        "ResponseNotRead",
    }


def connect_error(cause: Exception) -> httpx.ConnectError:
    error = httpx.ConnectError("x")
    error.__cause__ = cause
    return error


def test_what_calls_for_different_deeds_has_different_advice() -> None:
    advices = [
        translate_for_test(error, answering).advice
        for error, answering in (
            (httpx.ConnectTimeout("x"), False),
            (httpx.ReadTimeout("x"), False),
            (connect_error(ssl.SSLCertVerificationError("x")), False),
            (connect_error(ssl.SSLError("x")), False),
            (connect_error(socket.gaierror("x")), False),
            (connect_error(OSError(errno.EMFILE, "x")), False),
            (httpx.ConnectError("x"), False),
            (httpx.InvalidURL("x"), False),
            (httpx.DecodingError("x"), False),
        )
    ]
    assert len(set(advices)) == len(advices)


@pytest.mark.parametrize(
    ("error", "answering", "retryable"),
    [
        (httpx.ConnectTimeout("x"), False, True),
        (httpx.ReadTimeout("x"), False, False),  # the request may be running, and paid
        (httpx.ReadTimeout("x"), True, False),
        (httpx.ConnectError("x"), False, True),
        (httpx.RemoteProtocolError("x"), False, True),
        (httpx.InvalidURL("x"), False, False),
        (connect_error(ssl.SSLCertVerificationError("x")), False, False),
    ],
)
def test_worth_a_retry(error: Exception, answering: bool, retryable: bool) -> None:
    assert translate_for_test(error, answering).retryable is retryable


def test_the_seconds_are_those_in_force() -> None:
    assert "1 s" in translate_for_test(httpx.ConnectTimeout("x")).message
    assert "2 s" in translate_for_test(httpx.ReadTimeout("x")).message
