"""Cancelling at every stage of a request, with and without TLS; and no token for an untrusted server."""

from __future__ import annotations

import itertools
import ssl
import threading

import pytest

from lib.api import transport
from lib.api.cancellation import Cancelled, CancelToken
from lib.api.events import Finished, TextDelta
from lib.errors import PaddockError, TimedOut, Unreachable
from tests import sample_values
from tests.api.cancel_driver import assert_stream_cancels
from tests.scripted_server import (
    TIMEOUT,
    Peer,
    ReceivedRequest,
    ScriptedServer,
    refuses,
    response_head,
    sends,
    sends_then_waits,
    streams,
    text_events,
)


def wait_for(server: ScriptedServer) -> None:
    assert server.arrived.acquire(timeout=TIMEOUT)


def test_before_it_begins() -> None:
    stop = CancelToken()
    stop.cancel()
    stop.cancel()
    with ScriptedServer(streams("Hi")) as server, pytest.raises(Cancelled):
        list(
            sample_values.make_client().stream(
                sample_values.make_backend(server.url), sample_values.make_request(), stop
            )
        )
    assert not server.peers


def test_before_the_headers() -> None:
    with ScriptedServer(sends_then_waits()) as server:
        assert assert_stream_cancels(server.url, Cancelled, lambda: wait_for(server)) == []
        assert server.peers[0].gone.wait(TIMEOUT)


@pytest.mark.parametrize(
    "sent",
    [
        response_head(),
        response_head() + text_events("Hi"),
        response_head() + text_events("Hi") + b'data: {"resp',
    ],
)
def test_within_the_answer(sent: bytes) -> None:
    with ScriptedServer(sends_then_waits(sent)) as server:
        came = assert_stream_cancels(server.url, Cancelled)
        assert came == [TextDelta("Hi")] * (b"Hi" in sent)
        assert server.peers[0].gone.wait(TIMEOUT)


def test_within_a_refusal_and_within_plain_json() -> None:
    for kind, status in (("application/json", 500), ("application/json", 200), ("text/html", 200)):
        with ScriptedServer(sends_then_waits(response_head(status, kind), b'{"errors":[')) as server:
            assert_stream_cancels(server.url, Cancelled)
            assert server.peers[0].gone.wait(TIMEOUT)


def test_while_text_pours_in() -> None:
    def pours(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(response_head())
        # A broken pipe or a reset: the client is gone.
        with pytest.raises(OSError):  # noqa: PT011
            list(map(peer.send, itertools.repeat(text_events("x"))))
        peer.gone.set()

    with ScriptedServer(pours) as server:
        assert assert_stream_cancels(server.url, Cancelled)
        assert server.peers[0].gone.wait(TIMEOUT)


def test_while_it_waits_for_a_retry() -> None:
    retrying = threading.Event()
    with ScriptedServer(refuses(429, 3021, "slow", retry_after="2")) as server:
        stop = CancelToken()
        raised: list[BaseException] = []

        def work() -> None:
            with pytest.raises(Cancelled) as stopped:
                list(
                    sample_values.make_client().stream(
                        sample_values.make_backend(server.url),
                        sample_values.make_request(),
                        stop,
                        lambda *_: retrying.set(),
                    )
                )
            raised.append(stopped.value)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert retrying.wait(TIMEOUT)
        stop.cancel()
        thread.join(TIMEOUT)
        assert raised
    assert len(server.requests) == 1


def test_while_tls_is_agreed() -> None:
    """The server accepts the connection and never answers the TLS handshake."""
    with ScriptedServer(sends_then_waits(), reads=False) as server:
        url = server.url.replace("http:", "https:")
        assert_stream_cancels(url, Cancelled, lambda: wait_for(server))
        assert server.peers[0].gone.wait(TIMEOUT)
    # Without a cancellation, the connect timeout ends the handshake.
    with ScriptedServer(sends_then_waits(), reads=False) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(TimedOut):
            list(
                sample_values.make_client(connect=0.2, attempts=1).stream(
                    sample_values.make_backend(url), sample_values.make_request(), CancelToken()
                )
            )


@pytest.mark.usefixtures("trusted")
def test_over_tls(tls: ssl.SSLContext) -> None:
    with ScriptedServer(streams("Hi"), tls=tls) as server:
        got = list(
            sample_values.make_client().stream(
                sample_values.make_backend(server.url), sample_values.make_request(), CancelToken()
            )
        )
        assert got[0] == TextDelta("Hi")
        assert got[-1] == Finished()
    for sent in (b"", response_head(), response_head() + text_events("Hi")):
        with ScriptedServer(sends_then_waits(sent), tls=tls) as server:
            assert_stream_cancels(server.url, Cancelled)
            assert server.peers[0].gone.wait(TIMEOUT)


@pytest.mark.usefixtures("trusted")
def test_silence_over_tls(tls: ssl.SSLContext) -> None:
    with (
        ScriptedServer(sends_then_waits(response_head(), text_events("Hi")), tls=tls) as server,
        pytest.raises(TimedOut),
    ):
        list(
            sample_values.make_client(silence=0.2).stream(
                sample_values.make_backend(server.url), sample_values.make_request(), CancelToken()
            )
        )


def test_untrusted_certificate(tls: ssl.SSLContext) -> None:
    with ScriptedServer(streams("Hi"), tls=tls) as server:
        backend = sample_values.make_backend(server.url)
        with pytest.raises(Unreachable, match="self-signed certificate") as failed:
            list(sample_values.make_client().stream(backend, sample_values.make_request(), CancelToken()))
        assert not failed.value.retryable
        with pytest.raises(Unreachable, match="self-signed certificate"):
            sample_values.make_client().check_credentials(backend)
    assert not server.requests, "nothing was sent, least of all the token"


@pytest.mark.usefixtures("trusted")
def test_certificate_of_another_name(tls: ssl.SSLContext) -> None:
    with ScriptedServer(streams("Hi"), tls=tls) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            list(
                sample_values.make_client().stream(
                    sample_values.make_backend(url), sample_values.make_request(), CancelToken()
                )
            )
    assert not server.requests


def test_tls_with_a_server_that_has_none() -> None:
    with ScriptedServer(sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reads=False) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(Unreachable, match="No secure connection"):
            list(
                sample_values.make_client(attempts=1).stream(
                    sample_values.make_backend(url), sample_values.make_request(), CancelToken()
                )
            )


def test_certificates_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/certificates.pem")
    transport._trusted_context.cache_clear()
    with ScriptedServer(streams("Hi")) as server:
        # The twin needs no certificates.
        assert list(
            sample_values.make_client().stream(
                sample_values.make_backend(server.url), sample_values.make_request(), CancelToken()
            )
        )
        with pytest.raises(Unreachable, match="trusted certificates") as failed:
            sample_values.make_client().check_credentials(
                sample_values.make_backend(server.url.replace("http:", "https:"))
            )
    assert "SSL_CERT_FILE" in failed.value.advice
    transport._trusted_context.cache_clear()


def test_what_a_stop_leaves_behind_is_thrown_away() -> None:
    """The result of abandoned work is discarded, not lost."""
    stop, begun, go_on, thrown = CancelToken(), threading.Event(), threading.Event(), threading.Event()
    raised: list[type[BaseException]] = []

    def slow() -> str:
        begun.set()
        go_on.wait(TIMEOUT)
        return "opened"

    def work() -> None:
        with pytest.raises(Cancelled) as stopped:
            stop.run_cancellable(slow, lambda opened: thrown.set())
        raised.append(stopped.type)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert begun.wait(TIMEOUT)
    stop.cancel()
    thread.join(TIMEOUT)
    assert raised == [Cancelled]
    assert not thrown.is_set()
    go_on.set()
    assert thrown.wait(TIMEOUT)
    with pytest.raises(Cancelled):
        stop.run_cancellable(lambda: "again", lambda opened: None)


def test_stopped_is_no_error() -> None:
    assert not issubclass(Cancelled, PaddockError)
