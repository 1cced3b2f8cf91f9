"""A line that is kept open: what comes of a request over it is what comes of the client's own, error for error."""

from __future__ import annotations

import base64
import gzip
import json
import ssl
from collections.abc import Callable
from contextlib import closing

import pytest

from lib.api.client import Stop, Stopped, WorkersAI
from lib.api.events import Event, Finished, TextDelta, Usage
from lib.api.persistent_connection import Line
from lib.errors import PaddockError, TimedOut, Unreachable
from tests import sample_values
from tests.api.cancel_driver import ends_at_once
from tests.servers import (
    PATIENCE,
    Peer,
    Received,
    Script,
    Server,
    chunked,
    head,
    read_request,
    refuses,
    says,
    says_then_resets,
    says_then_waits,
    streams,
    texts,
)
from tests.waiting import until

ANSWER = json.dumps(
    {
        "result": {
            "response": "Grüße 👋",
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        },
        "success": True,
        "errors": [],
        "messages": [],
    },
    ensure_ascii=False,
).encode()
EVENTS = [TextDelta("Grüße 👋"), Usage(1, 2), Finished()]
JSON = "application/json"


def kept(body: bytes = ANSWER, status: int = 200) -> bytes:
    """A whole response, after which the connection stays open."""
    return (
        f"HTTP/1.1 {status} X\r\ncontent-type: {JSON}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    )


def outcome(events: Callable[[], list[Event]]) -> tuple[list[Event], tuple[object, ...]]:
    """What came, and how it ended."""
    came: list[Event] = []
    try:
        came.extend(events())
    except PaddockError as error:
        return came, (type(error), error.message, error.advice, error.status, error.code, error.retryable)
    return came, ()


def both(url: str, client: WorkersAI) -> list[tuple[list[Event], tuple[object, ...]]]:
    """The same request by the client alone, and over a line."""
    there, request = sample_values.backend(url), sample_values.request()
    alone = outcome(lambda: list(client.stream(there, request, Stop())))

    def over_a_line() -> list[Event]:
        with closing(client.line(there)) as line:
            return list(client.ask(line, request))

    return [alone, outcome(over_a_line)]


SCRIPTS: dict[str, Script] = {
    "whole": says(head(kind=JSON), ANSWER),
    "kept open": says(kept()),
    "chunked": says(head(kind=JSON, transfer_encoding="chunked"), *chunked(ANSWER, 7), b"0\r\n\r\n"),
    "stream": streams("Hel", "lo"),
    "compressed unasked": says(head(kind=JSON, content_encoding="gzip"), gzip.compress(ANSWER)),
    "broken compression": says(
        head(kind=JSON, content_encoding="gzip"), gzip.compress(ANSWER)[:20] + b"\0" * 50
    ),
    "refused": refuses(400, 5006, "AiError: Bad input: '/top_k' must be <= 50"),
    "hasty": refuses(429, 3021, "slow", retry_after="0.2"),
    "edge": says(head(502, "text/html"), b"<html>Bad gateway</html>"),
    "page": says(head(kind="text/html"), b"<html>Sign in to the hotel</html>"),
    "truncated": says(head(kind=JSON), b'{"result":{"resp'),
    "short": says(head(kind=JSON, content_length="4000"), ANSWER),
    "no last chunk": says(head(kind=JSON, transfer_encoding="chunked"), *chunked(ANSWER, 9)),
    "reset": says_then_resets(head(kind=JSON), b'{"resp'),
    "reset at once": says_then_resets(),
    "closed at once": says(),
    "no HTTP": says(b"220 mail.example ESMTP\r\n"),
    "refusal that breaks": says(head(500, JSON, content_length="4000"), b'{"errors":['),
    "redirect": says(head(302, location="https://elsewhere.example/")),
    "redirect to nowhere": says(head(302, location="https://[")),
    "not ASCII": says(
        b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\nx-where: \xe9t\xe9\r\n\r\n", ANSWER
    ),
    "not ASCII, refused": says(b"HTTP/1.1 403 X\r\nx-where: \xe9t\xe9\r\n\r\n<html>"),
    "no length": says(b"HTTP/1.1 204 X\r\n\r\n"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_comes_of_it(name: str) -> None:
    with Server(SCRIPTS[name]) as server:
        alone, over_a_line = both(server.url, sample_values.client(attempts=1))
        assert over_a_line == alone
        first, second = (
            {key: value for key, value in one.headers.items() if key != "connection"}
            for one in server.requests
        )
        assert (first, server.requests[0].target) == (second, server.requests[1].target)
        assert json.loads(server.requests[0].body) == json.loads(server.requests[1].body)


@pytest.mark.parametrize("sent", [b"", head(kind=JSON), head(kind=JSON) + b'{"resp'])
def test_silence(sent: bytes) -> None:
    with Server(says_then_waits(sent)) as server:
        client = sample_values.client(attempts=1, first_byte=PATIENCE if sent else 0.2, silence=0.3)
        alone, over_a_line = both(server.url, client)
        assert over_a_line == alone
        assert alone[1][0] is TimedOut


@pytest.mark.parametrize(
    "url",
    [
        "https://nonexistent.invalid/client/v4",
        f"https://{'a' * 70}.example",
        "https://-x-.example",
        "http://127.0.0.1:9",
    ],
)
def test_addresses_that_lead_nowhere(url: str) -> None:
    alone, over_a_line = both(url, sample_values.client(attempts=1))
    assert over_a_line == alone
    assert alone[1]


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "gopher://127.0.0.1:9", "http://[", "127.0.0.1:x"])
def test_proxies_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    _, over_a_line = both("https://nonexistent.invalid/client/v4", sample_values.client(attempts=1))
    assert over_a_line[1][:2] == (
        Unreachable,
        "The proxy that this machine's environment names cannot be used.",
    )


def asked(line: Line) -> list[Event]:
    return list(sample_values.client().ask(line, sample_values.request()))


def test_one_connection_for_all() -> None:
    def script(peer: Peer, _: Received) -> None:
        peer.send(kept())
        for body in (b'{"errors":[{"code":5006,"message":"No"}],"success":false}', ANSWER):
            read_request(peer.connection)
            peer.send(kept(body, 200 if body == ANSWER else 400))

    with (
        Server(script) as server,
        closing(sample_values.client().line(sample_values.backend(server.url))) as line,
    ):
        assert asked(line) == EVENTS
        with pytest.raises(PaddockError, match="No"):
            asked(line)
        assert asked(line) == EVENTS
        assert len(server.peers) == 1


def test_one_that_was_closed_meanwhile_is_replaced_before_anything_is_sent() -> None:
    with (
        Server(says(kept())) as server,
        closing(sample_values.client().line(sample_values.backend(server.url))) as line,
    ):
        for number in (1, 2, 3):
            assert asked(line) == EVENTS
            until(lambda: server.peers[-1].connection.fileno() < 0, PATIENCE)  # it is closed over there
            assert len(server.requests) == number


def test_after_an_answer_that_was_left_another_connection_is_opened() -> None:
    with (
        Server(says_then_waits(head() + texts("a")), says(kept())) as server,
        closing(
            sample_values.client(first_byte=5, silence=0.2).line(sample_values.backend(server.url))
        ) as line,
    ):
        with pytest.raises(TimedOut):
            asked(line)
        assert line.sent
        assert server.peers[0].gone.wait(PATIENCE)
        assert asked(line) == EVENTS


def test_what_was_never_sent_is_known() -> None:
    with closing(sample_values.client().line(sample_values.backend("http://127.0.0.1:9"))) as line:
        with pytest.raises(Unreachable):
            asked(line)
        assert not line.sent


def stops(server: Server, url: str = "") -> None:
    """What the server has heard of ends at once, and the server hears of the end."""
    line = sample_values.client(first_byte=60, silence=60).line(sample_values.backend(url or server.url))
    with closing(line):
        ends_at_once(
            lambda: asked(line), line.stop, Stopped, lambda: server.arrived.acquire(timeout=PATIENCE)
        )
    assert server.peers[0].gone.wait(PATIENCE)


@pytest.mark.parametrize("sent", [b"", head(kind=JSON), head(kind=JSON) + b'{"resp'])
def test_stop(sent: bytes) -> None:
    with Server(says_then_waits(sent)) as server:
        stops(server)


def test_stop_while_tls_is_agreed() -> None:
    with Server(says_then_waits(), reads=False) as server:
        stops(server, server.url.replace("http:", "https:"))


@pytest.mark.usefixtures("trusted")
def test_over_tls(tls: ssl.SSLContext) -> None:
    def script(peer: Peer, _: Received) -> None:
        peer.send(kept())
        read_request(peer.connection)
        peer.send(kept())

    with (
        Server(script, tls=tls) as server,
        closing(sample_values.client().line(sample_values.backend(server.url))) as line,
    ):
        assert asked(line) == asked(line) == EVENTS
        assert len(server.peers) == 1
    with Server(says_then_waits(head(kind=JSON)), tls=tls) as server:
        alone, over_a_line = both(server.url, sample_values.client(attempts=1, silence=0.2))
        assert over_a_line == alone
        assert alone[1][0] is TimedOut
    with Server(says_then_waits(head(kind=JSON)), tls=tls) as server:
        stops(server)


def test_untrusted(tls: ssl.SSLContext) -> None:
    with Server(streams("Hi"), tls=tls) as server:
        alone, over_a_line = both(server.url, sample_values.client(attempts=1))
        assert over_a_line == alone
        assert "self-signed" in str(alone[1][1])
    assert not server.requests, "nothing was sent, least of all the token"


def test_tls_with_a_server_that_has_none() -> None:
    with Server(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reads=False) as server:
        alone, over_a_line = both(server.url.replace("http:", "https:"), sample_values.client(attempts=1))
    assert over_a_line == alone


@pytest.mark.parametrize("status", [200, 403, 407])
@pytest.mark.usefixtures("trusted")
def test_through_a_proxy(monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, status: int) -> None:
    """The proxy is told the server's name and its own password, and never the token."""

    def tunnel(peer: Peer, _: Received) -> None:
        peer.send(f"HTTP/1.1 {status} X\r\n\r\n".encode())
        if status == 200:
            inside = tls.wrap_socket(peer.connection, server_side=True)
            inner.append(read_request(inside))
            inside.sendall(kept())

    inner: list[Received] = []
    with Server(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://ann:s%40lt@127.0.0.1:{proxy.port}")
        # A name that nobody resolves here, and that the certificate is not for.
        outcomes = both("https://api.example/client/v4", sample_values.client(attempts=1))
        assert outcomes[0] == outcomes[1]
        first, second = proxy.requests
    assert (first.method, first.target) == (second.method, second.target) == ("CONNECT", "api.example:443")
    basic = base64.b64encode(b"ann:s@lt").decode()
    assert first.headers["proxy-authorization"] == second.headers["proxy-authorization"] == f"Basic {basic}"
    assert "authorization" not in second.headers
    assert not inner, "the certificate is another's"
