"""Stop, at every stage of a request, with and without TLS; and that an untrusted server never sees the token."""

from __future__ import annotations

import itertools
import ssl
import threading

import pytest

from lib.api import transport
from lib.api.client import Stop, Stopped
from lib.api.events import Finished, TextDelta
from lib.errors import PaddockError, TimedOut, Unreachable
from tests import sample_values
from tests.api.cancel_driver import stops_at_once
from tests.servers import (
    PATIENCE,
    Peer,
    Received,
    Server,
    head,
    refuses,
    says,
    says_then_waits,
    streams,
    texts,
)


def wait_for(server: Server) -> None:
    assert server.arrived.acquire(timeout=PATIENCE)


def test_before_it_begins() -> None:
    stop = Stop()
    stop.request()
    stop.request()
    with Server(streams("Hi")) as server, pytest.raises(Stopped):
        list(sample_values.client().stream(sample_values.backend(server.url), sample_values.request(), stop))
    assert not server.peers


def test_before_the_headers() -> None:
    with Server(says_then_waits()) as server:
        assert stops_at_once(server.url, Stopped, lambda: wait_for(server)) == []
        assert server.peers[0].gone.wait(PATIENCE)


@pytest.mark.parametrize("sent", [head(), head() + texts("Hi"), head() + texts("Hi") + b'data: {"resp'])
def test_within_the_answer(sent: bytes) -> None:
    with Server(says_then_waits(sent)) as server:
        came = stops_at_once(server.url, Stopped)
        assert came == [TextDelta("Hi")] * (b"Hi" in sent)
        assert server.peers[0].gone.wait(PATIENCE)


def test_within_a_refusal_and_within_plain_json() -> None:
    for kind, status in (("application/json", 500), ("application/json", 200), ("text/html", 200)):
        with Server(says_then_waits(head(status, kind), b'{"errors":[')) as server:
            stops_at_once(server.url, Stopped)
            assert server.peers[0].gone.wait(PATIENCE)


def test_while_text_pours_in() -> None:
    def pours(peer: Peer, _: Received) -> None:
        peer.send(head())
        # A broken pipe or a reset: the client is gone.
        with pytest.raises(OSError):  # noqa: PT011
            list(map(peer.send, itertools.repeat(texts("x"))))
        peer.gone.set()

    with Server(pours) as server:
        assert stops_at_once(server.url, Stopped)
        assert server.peers[0].gone.wait(PATIENCE)


def test_while_it_waits_for_a_retry() -> None:
    told = threading.Event()
    with Server(refuses(429, 3021, "slow", retry_after="2")) as server:
        stop = Stop()
        raised: list[BaseException] = []

        def work() -> None:
            with pytest.raises(Stopped) as stopped:
                list(
                    sample_values.client().stream(
                        sample_values.backend(server.url),
                        sample_values.request(),
                        stop,
                        lambda *_: told.set(),
                    )
                )
            raised.append(stopped.value)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        assert told.wait(PATIENCE)
        stop.request()
        thread.join(1.0)
        assert raised
    assert len(server.requests) == 1


def test_while_tls_is_agreed() -> None:
    """A server that accepts the connection and never says a word of TLS."""
    with Server(says_then_waits(), reads=False) as server:
        url = server.url.replace("http:", "https:")
        stops_at_once(url, Stopped, lambda: wait_for(server))
        assert server.peers[0].gone.wait(PATIENCE)
    # And without a stop the handshake ends with the time to connect.
    with Server(says_then_waits(), reads=False) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(TimedOut):
            list(
                sample_values.client(connect=0.2, attempts=1).stream(
                    sample_values.backend(url), sample_values.request(), Stop()
                )
            )


@pytest.mark.usefixtures("trusted")
def test_over_tls(tls: ssl.SSLContext) -> None:
    with Server(streams("Hi"), tls=tls) as server:
        got = list(
            sample_values.client().stream(sample_values.backend(server.url), sample_values.request(), Stop())
        )
        assert got[0] == TextDelta("Hi")
        assert got[-1] == Finished()
    for sent in (b"", head(), head() + texts("Hi")):
        with Server(says_then_waits(sent), tls=tls) as server:
            stops_at_once(server.url, Stopped)
            assert server.peers[0].gone.wait(PATIENCE)


@pytest.mark.usefixtures("trusted")
def test_silence_over_tls(tls: ssl.SSLContext) -> None:
    with Server(says_then_waits(head(), texts("Hi")), tls=tls) as server, pytest.raises(TimedOut):
        list(
            sample_values.client(silence=0.2).stream(
                sample_values.backend(server.url), sample_values.request(), Stop()
            )
        )


def test_untrusted_certificate(tls: ssl.SSLContext) -> None:
    with Server(streams("Hi"), tls=tls) as server:
        backend = sample_values.backend(server.url)
        with pytest.raises(Unreachable, match="self-signed certificate") as failed:
            list(sample_values.client().stream(backend, sample_values.request(), Stop()))
        assert not failed.value.retryable
        with pytest.raises(Unreachable, match="self-signed certificate"):
            sample_values.client().check(backend)
    assert not server.requests, "nothing was sent, least of all the token"


@pytest.mark.usefixtures("trusted")
def test_certificate_of_another_name(tls: ssl.SSLContext) -> None:
    with Server(streams("Hi"), tls=tls) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            list(sample_values.client().stream(sample_values.backend(url), sample_values.request(), Stop()))
    assert not server.requests


def test_tls_with_a_server_that_has_none() -> None:
    with Server(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reads=False) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(Unreachable, match="TLS"):
            list(
                sample_values.client(attempts=1).stream(
                    sample_values.backend(url), sample_values.request(), Stop()
                )
            )


def test_certificates_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/certificates.pem")
    transport._tls.cache_clear()
    with Server(streams("Hi")) as server:
        # The twin does not need them.
        assert list(
            sample_values.client().stream(sample_values.backend(server.url), sample_values.request(), Stop())
        )
        with pytest.raises(Unreachable, match="trusted certificates") as failed:
            sample_values.client().check(sample_values.backend(server.url.replace("http:", "https:")))
    assert "SSL_CERT_FILE" in failed.value.advice
    transport._tls.cache_clear()


def test_what_a_stop_leaves_behind_is_thrown_away() -> None:
    """A request that opens after all, once nobody waits for it, is closed and not lost."""
    stop, begun, go_on, thrown = Stop(), threading.Event(), threading.Event(), threading.Event()
    raised: list[type[BaseException]] = []

    def slow() -> str:
        begun.set()
        go_on.wait(PATIENCE)
        return "opened"

    def work() -> None:
        with pytest.raises(Stopped) as stopped:
            stop.open(slow, lambda opened: thrown.set())
        raised.append(stopped.type)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert begun.wait(PATIENCE)
    stop.request()
    thread.join(PATIENCE)
    assert raised == [Stopped]
    assert not thrown.is_set()
    go_on.set()
    assert thrown.wait(PATIENCE)
    with pytest.raises(Stopped):
        stop.open(lambda: "again", lambda opened: None)


def test_stopped_is_no_error() -> None:
    assert not issubclass(Stopped, PaddockError)
