"""A persistent connection gives the same events and errors as the client's own requests."""

from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Callable
from contextlib import closing

import pytest

from lib.api.cancellation import Cancelled, CancelToken
from lib.api.client import WorkersAI
from lib.api.events import Event, Finished, TextDelta
from lib.api.persistent_connection import PersistentConnection
from lib.errors import PaddockError, TimedOut, Unreachable
from lib.model.usage import Usage
from tests import sample_values
from tests.api.cancel_driver import assert_cancels
from tests.scripted_server import (
    TIMEOUT,
    Peer,
    ReceivedRequest,
    Script,
    ScriptedServer,
    read_request,
    refuses,
    response_head,
    sends,
    sends_then_resets,
    sends_then_waits,
    streams,
    text_events,
    to_chunks,
)
from tests.waiting import wait_until

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


def keep_alive_response(body: bytes = ANSWER, status: int = 200) -> bytes:
    """Return a complete response that leaves the connection open."""
    return (
        f"HTTP/1.1 {status} X\r\ncontent-type: {JSON}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    )


def collect_outcome(events: Callable[[], list[Event]]) -> tuple[list[Event], tuple[object, ...]]:
    """Return the events, and the error that ended them."""
    came: list[Event] = []
    try:
        came.extend(events())
    except PaddockError as error:
        return came, (type(error), error.message, error.advice, error.status, error.code, error.retryable)
    return came, ()


def ask_both_ways(url: str, client: WorkersAI) -> list[tuple[list[Event], tuple[object, ...]]]:
    """Send the same request by the client alone and over a persistent connection."""
    there, request = sample_values.make_backend(url), sample_values.make_request()
    alone = collect_outcome(lambda: list(client.stream(there, request, CancelToken())))

    def over_connection() -> list[Event]:
        with closing(client.open_connection(there)) as connection:
            return list(client.stream_over(connection, request))

    return [alone, collect_outcome(over_connection)]


SCRIPTS: dict[str, Script] = {
    "whole": sends(response_head(kind=JSON), ANSWER),
    "kept open": sends(keep_alive_response()),
    "chunked": sends(
        response_head(kind=JSON, transfer_encoding="chunked"), *to_chunks(ANSWER, 7), b"0\r\n\r\n"
    ),
    "stream": streams("Hel", "lo"),
    "compressed unasked": sends(response_head(kind=JSON, content_encoding="gzip"), gzip.compress(ANSWER)),
    "broken compression": sends(
        response_head(kind=JSON, content_encoding="gzip"), gzip.compress(ANSWER)[:20] + b"\0" * 50
    ),
    "refused": refuses(400, 5006, "AiError: Bad input: '/top_k' must be <= 50"),
    "hasty": refuses(429, 3021, "slow", retry_after="0.2"),
    "edge": sends(response_head(502, "text/html"), b"<html>Bad gateway</html>"),
    "page": sends(response_head(kind="text/html"), b"<html>Sign in to the hotel</html>"),
    "truncated": sends(response_head(kind=JSON), b'{"result":{"resp'),
    "short": sends(response_head(kind=JSON, content_length="4000"), ANSWER),
    "no last chunk": sends(response_head(kind=JSON, transfer_encoding="chunked"), *to_chunks(ANSWER, 9)),
    "reset": sends_then_resets(response_head(kind=JSON), b'{"resp'),
    "reset at once": sends_then_resets(),
    "closed at once": sends(),
    "no HTTP": sends(b"220 mail.example ESMTP\r\n"),
    "refusal that breaks": sends(response_head(500, JSON, content_length="4000"), b'{"errors":['),
    "redirect": sends(response_head(302, location="https://elsewhere.example/")),
    "redirect to nowhere": sends(response_head(302, location="https://[")),
    "not ASCII": sends(
        b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\nx-where: \xe9t\xe9\r\n\r\n", ANSWER
    ),
    "not ASCII, refused": sends(b"HTTP/1.1 403 X\r\nx-where: \xe9t\xe9\r\n\r\n<html>"),
    "no length": sends(b"HTTP/1.1 204 X\r\n\r\n"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_comes_of_it(name: str) -> None:
    with ScriptedServer(SCRIPTS[name]) as server:
        alone, over_connection = ask_both_ways(server.url, sample_values.make_client(attempts=1))
        assert over_connection == alone
        first, second = (
            {key: value for key, value in request.headers.items() if key != "connection"}
            for request in server.requests
        )
        assert (first, server.requests[0].target) == (second, server.requests[1].target)
        assert json.loads(server.requests[0].body) == json.loads(server.requests[1].body)


@pytest.mark.parametrize("sent", [b"", response_head(kind=JSON), response_head(kind=JSON) + b'{"resp'])
def test_silence(sent: bytes) -> None:
    with ScriptedServer(sends_then_waits(sent)) as server:
        client = sample_values.make_client(attempts=1, first_byte=TIMEOUT if sent else 1, silence=0.3)
        alone, over_connection = ask_both_ways(server.url, client)
        assert over_connection == alone
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
    alone, over_connection = ask_both_ways(url, sample_values.make_client(attempts=1))
    assert over_connection == alone
    assert alone[1]


def ask_over(connection: PersistentConnection) -> list[Event]:
    return list(sample_values.make_client().stream_over(connection, sample_values.make_request()))


def test_one_connection_for_all() -> None:
    def script(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(keep_alive_response())
        for body in (b'{"errors":[{"code":5006,"message":"No"}],"success":false}', ANSWER):
            read_request(peer.connection)
            peer.send(keep_alive_response(body, 200 if body == ANSWER else 400))

    with (
        ScriptedServer(script) as server,
        closing(
            sample_values.make_client().open_connection(sample_values.make_backend(server.url))
        ) as connection,
    ):
        assert ask_over(connection) == EVENTS
        with pytest.raises(PaddockError, match="No"):
            ask_over(connection)
        assert ask_over(connection) == EVENTS
        assert len(server.peers) == 1


def test_one_that_was_closed_meanwhile_is_replaced_before_anything_is_sent() -> None:
    with (
        ScriptedServer(sends(keep_alive_response())) as server,
        closing(
            sample_values.make_client().open_connection(sample_values.make_backend(server.url))
        ) as connection,
    ):
        for number in (1, 2, 3):
            assert ask_over(connection) == EVENTS
            wait_until(lambda: server.peers[-1].connection.fileno() < 0, TIMEOUT)  # the server has closed it
            assert len(server.requests) == number


def test_after_an_answer_that_was_left_another_connection_is_opened() -> None:
    with (
        ScriptedServer(
            sends_then_waits(response_head() + text_events("a")), sends(keep_alive_response())
        ) as server,
        closing(
            sample_values.make_client(first_byte=TIMEOUT, silence=0.2).open_connection(
                sample_values.make_backend(server.url)
            )
        ) as connection,
    ):
        with pytest.raises(TimedOut):
            ask_over(connection)
        assert connection.was_sent
        assert server.peers[0].gone.wait(TIMEOUT)
        assert ask_over(connection) == EVENTS


def test_what_was_never_sent_is_known() -> None:
    with closing(
        sample_values.make_client().open_connection(sample_values.make_backend("http://127.0.0.1:9"))
    ) as connection:
        with pytest.raises(Unreachable):
            ask_over(connection)
        assert not connection.was_sent


def assert_connection_cancels(server: ScriptedServer, url: str = "") -> None:
    """Assert that a request that reached the server is cancelled at once, and the server's connection closed."""
    connection = sample_values.make_client(first_byte=600, silence=600).open_connection(
        sample_values.make_backend(url or server.url)
    )
    with closing(connection):
        assert_cancels(
            lambda: ask_over(connection),
            connection.cancel_token,
            Cancelled,
            lambda: server.arrived.acquire(timeout=TIMEOUT),
        )
    assert server.peers[0].gone.wait(TIMEOUT)


@pytest.mark.parametrize("sent", [b"", response_head(kind=JSON), response_head(kind=JSON) + b'{"resp'])
def test_stop(sent: bytes) -> None:
    with ScriptedServer(sends_then_waits(sent)) as server:
        assert_connection_cancels(server)


def test_stop_while_tls_is_agreed() -> None:
    with ScriptedServer(sends_then_waits(), reads=False) as server:
        assert_connection_cancels(server, server.url.replace("http:", "https:"))


@pytest.mark.usefixtures("trusted")
def test_over_tls(tls: ssl.SSLContext) -> None:
    def script(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(keep_alive_response())
        read_request(peer.connection)
        peer.send(keep_alive_response())

    with (
        ScriptedServer(script, tls=tls) as server,
        closing(
            sample_values.make_client().open_connection(sample_values.make_backend(server.url))
        ) as connection,
    ):
        assert ask_over(connection) == ask_over(connection) == EVENTS
        assert len(server.peers) == 1
    with ScriptedServer(sends_then_waits(response_head(kind=JSON)), tls=tls) as server:
        alone, over_connection = ask_both_ways(server.url, sample_values.make_client(attempts=1, silence=0.2))
        assert over_connection == alone
        assert alone[1][0] is TimedOut
    with ScriptedServer(sends_then_waits(response_head(kind=JSON)), tls=tls) as server:
        assert_connection_cancels(server)


def test_untrusted(tls: ssl.SSLContext) -> None:
    with ScriptedServer(streams("Hi"), tls=tls) as server:
        alone, over_connection = ask_both_ways(server.url, sample_values.make_client(attempts=1))
        assert over_connection == alone
        assert "self-signed" in str(alone[1][1])
    assert not server.requests, "nothing was sent, least of all the token"


def test_tls_with_a_server_that_has_none() -> None:
    with ScriptedServer(sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reads=False) as server:
        alone, over_connection = ask_both_ways(
            server.url.replace("http:", "https:"), sample_values.make_client(attempts=1)
        )
    assert over_connection == alone
