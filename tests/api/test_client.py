"""The client over real sockets: the same events for every split of the bytes, and the right error for every break."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given as property
from hypothesis import settings, strategies

from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.api.events import Event, Finished, TextDelta
from lib.errors import CutOff, NoCapacity, PaddockError, ServiceFailed, TimedOut, Unintelligible, Unreachable
from lib.model.usage import Usage
from tests import sample_values
from tests.scripted_server import (
    DONE,
    TIMEOUT,
    Peer,
    ReceivedRequest,
    ScriptedServer,
    cut_at,
    encode_events,
    refuses,
    response_head,
    sends,
    sends_then_resets,
    sends_then_waits,
    streams,
    text_events,
    to_chunks,
    usage_event,
)
from tests.waiting import ends

WORDS = ("Grüß", " 日本", "😀\u2028", " x")
STREAM = text_events(*WORDS) + usage_event(10, 4) + DONE
EXPECTED: list[Event] = [*map(TextDelta, WORDS), Usage(10, 4), Finished()]


def collect_events(
    server: ScriptedServer, client: WorkersAI | None = None, stop: CancelToken | None = None
) -> list[Event]:
    return list(
        (client or sample_values.make_client()).stream(
            sample_values.make_backend(server.url), sample_values.make_request(), stop or CancelToken()
        )
    )


def collect_until_error(server: ScriptedServer, client: WorkersAI | None = None) -> tuple[str, PaddockError]:
    """Return the text that arrived, and the error that ended it."""
    came: list[Event] = []
    stream = (client or sample_values.make_client()).stream(
        sample_values.make_backend(server.url), sample_values.make_request(), CancelToken()
    )
    with pytest.raises(PaddockError) as failed:
        came.extend(stream)  # keeps what came before the error
    return "".join(event.text for event in came if isinstance(event, TextDelta)), failed.value


def test_what_is_sent() -> None:
    with ScriptedServer(streams("Hi")) as server:
        assert collect_events(server) == [TextDelta("Hi"), Usage(10, 3), Finished()]
    [request] = server.requests
    assert request.method == "POST"
    assert (
        request.target == f"/client/v4/accounts/{sample_values.ACCOUNT}/ai/run/@cf/meta/llama-3.2-1b-instruct"
    )
    assert request.headers["authorization"] == f"Bearer {sample_values.TOKEN}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.json() == {"messages": [{"role": "user", "content": "Hi"}], "stream": True}


@pytest.fixture(scope="module")
def cutting() -> Iterator[tuple[ScriptedServer, list[list[bytes]]]]:
    """Yield a server that sends the last pieces in the list."""
    wanted: list[list[bytes]] = []

    def script(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(*wanted[-1])

    with ScriptedServer(script) as server:
        yield server, wanted


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_split_at_every_byte(cutting: tuple[ScriptedServer, list[list[bytes]]], newline: bytes) -> None:
    server, wanted = cutting
    body = STREAM.replace(b"\n", newline)
    for position in range(len(body)):
        wanted.append([response_head(), *cut_at(body, [position])])
        assert collect_events(server) == EXPECTED, position


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7])
def test_chunks_of_every_size(cutting: tuple[ScriptedServer, list[list[bytes]]], size: int) -> None:
    server, wanted = cutting
    wanted.append([response_head(transfer_encoding="chunked"), *to_chunks(STREAM, size), b"0\r\n\r\n"])
    assert collect_events(server) == EXPECTED


@settings(max_examples=30)
@property(data=strategies.data())
def test_random_splits(
    cutting: tuple[ScriptedServer, list[list[bytes]]], data: strategies.DataObject
) -> None:
    server, wanted = cutting
    newline = data.draw(strategies.sampled_from([b"\n", b"\r\n", b"\r"]))
    body = STREAM.replace(b"\n", newline)
    cuts = data.draw(strategies.lists(strategies.integers(0, len(body)), max_size=20))
    wanted.append([response_head(), *cut_at(body, cuts)])
    assert collect_events(server) == EXPECTED


def test_comments_between_events() -> None:
    body = b": keep-alive\n\n" + text_events("a") + b":\n\n: x\n" + text_events("b") + DONE
    with ScriptedServer(sends(response_head(), body)) as server:
        assert collect_events(server) == [TextDelta("a"), TextDelta("b"), Finished()]


def test_nothing_is_read_after_done() -> None:
    with ScriptedServer(sends_then_waits(response_head(), text_events("a"), DONE)) as server:
        assert collect_events(server) == [TextDelta("a"), Finished()]
        assert server.peers[0].gone.wait(TIMEOUT)


CUTS = {
    "no [DONE]": [response_head(), text_events("Hello"), usage_event(1, 1)],
    "mid-event": [response_head(), text_events("Hello"), b'data: {"resp'],
    "mid-UTF-8": [response_head(), text_events("Hello"), b'data: {"response":"\xc3'],
    "mid-field": [response_head(), text_events("Hello"), b"da"],
    "no chunked terminator": [
        response_head(transfer_encoding="chunked"),
        *to_chunks(text_events("Hello"), 9),
    ],
    "content-length short": [response_head(content_length="4000"), text_events("Hello")],
}


@pytest.mark.parametrize("how", CUTS)
def test_cut_off(how: str) -> None:
    with ScriptedServer(sends(*CUTS[how])) as server:
        text, error = collect_until_error(server)
    assert text == "Hello"
    assert type(error) is CutOff
    assert len(server.requests) == 1, "never again after text has come"


def test_reset_within_the_answer() -> None:
    with ScriptedServer(sends_then_resets(response_head(), text_events("Hello"))) as server:
        text, error = collect_until_error(server)
    assert (text, type(error)) == ("Hello", CutOff)
    assert len(server.requests) == 1


def test_break_after_the_reason_is_an_end() -> None:
    end = {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    with ScriptedServer(sends_then_resets(response_head(), encode_events(end))) as server:
        assert collect_events(server) == [TextDelta("Hi"), Finished("stop")]


@pytest.mark.parametrize("garbage", [b"data: {]\n\n", b"data: \xff\xfe\n\n", b"data: [1]\n\n"])
def test_garbage_is_told_from_a_cut(garbage: bytes) -> None:
    with ScriptedServer(
        sends_then_waits(response_head(), text_events("Hello"), garbage, text_events("more"))
    ) as server:
        text, error = collect_until_error(server)
    assert (text, type(error)) == ("Hello", Unintelligible)


def test_error_within_the_stream() -> None:
    frame = {"errors": [{"code": 3040, "message": "Capacity temporarily exceeded, please try again."}]}
    with ScriptedServer(sends(response_head(), text_events("Hello"), encode_events(frame))) as server:
        text, error = collect_until_error(server)
    assert (text, type(error), error.code) == ("Hello", NoCapacity, 3040)
    assert len(server.requests) == 1


def test_json_in_spite_of_streaming() -> None:
    body = (
        b'{"result":{"response":"Hi","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}},'
        b'"success":true,"errors":[],"messages":[]}'
    )
    for kind in ("application/json", "Application/JSON; charset=utf-8"):
        with ScriptedServer(sends(response_head(kind=kind), body)) as server:
            assert collect_events(server) == [TextDelta("Hi"), Usage(1, 2), Finished()]


def test_truncated_json() -> None:
    with ScriptedServer(sends(response_head(kind="application/json"), b'{"result":{"resp')) as server:
        assert type(collect_until_error(server)[1]) is Unintelligible


def test_web_page_with_success() -> None:
    with ScriptedServer(
        sends(response_head(kind="text/html"), b"<html>Sign in to the hotel</html>")
    ) as server:
        error = collect_until_error(server)[1]
    assert type(error) is Unintelligible
    assert len(server.requests) == 1


def test_broken_compression() -> None:
    body = gzip.compress(text_events("Hello") * 100)
    broken = body[:20] + b"\x00" * 50
    with ScriptedServer(sends(response_head(content_encoding="gzip"), broken)) as server:
        error = collect_until_error(server, sample_values.make_client(attempts=1))[1]
    assert type(error) is Unintelligible


def test_compression_that_was_not_asked_for() -> None:
    with ScriptedServer(sends(response_head(content_encoding="gzip"), gzip.compress(STREAM))) as server:
        assert collect_events(server) == EXPECTED


def flooding_server(first: bytes, piece: bytes) -> ScriptedServer:
    """Return a server whose body exceeds every limit by far."""

    def script(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(first)
        for _ in range(100 * 1024 * 1024 // len(piece)):
            peer.send(piece)

    return ScriptedServer(script)


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (response_head() + b"data: ", b"x" * 65536),
        (response_head(), b"data: y\n" * 4096),
        (response_head(), text_events("z" * 60_000) + b": comment\n" * 500),
        (response_head(kind="application/json") + b'{"result":"', b"x" * 65536),
        (response_head(502, "text/html"), b"<html>" * 10000),
        (response_head(kind="text/html"), b"<html>" * 10000),
    ],
    ids=["one event", "one event of lines", "many events", "JSON", "error page", "page"],
)
def test_floods_are_bounded(first: bytes, piece: bytes) -> None:
    with flooding_server(first, piece) as server:
        _, error = collect_until_error(server, sample_values.make_client(attempts=1))
    assert type(error) in (Unintelligible, ServiceFailed)


def test_a_consumer_that_leaves_closes_the_connection() -> None:
    with ScriptedServer(sends_then_waits(response_head(), text_events("a", "b"))) as server:
        stream = sample_values.make_client().stream(
            sample_values.make_backend(server.url), sample_values.make_request(), CancelToken()
        )
        assert next(stream) == TextDelta("a")
        stream.close()  # type: ignore[attr-defined]
        assert server.peers[0].gone.wait(TIMEOUT)


def test_a_consumer_that_fails_closes_the_connection() -> None:
    with ScriptedServer(sends_then_waits(response_head(), text_events("a"))) as server:
        stream = sample_values.make_client().stream(
            sample_values.make_backend(server.url), sample_values.make_request(), CancelToken()
        )
        with pytest.raises(ZeroDivisionError):
            [1 / 0 for _ in stream]
        del stream
        assert server.peers[0].gone.wait(TIMEOUT)


def test_no_thread_and_no_connection_is_left() -> None:
    before = threading.active_count()
    with ScriptedServer(streams("a")) as server:
        for _ in range(5):
            collect_events(server)
    assert threading.active_count() <= before


def test_timeouts_are_told_apart() -> None:
    """Each of the two timeouts is in force: one before the first byte, the other after it."""
    with ScriptedServer(sends_then_waits()) as server:
        text, error = collect_until_error(server, sample_values.make_client(first_byte=1, silence=TIMEOUT))
        assert (text, type(error), error.message) == ("", TimedOut, "No answer began within 1 s.")
        assert len(server.requests) == 1, "it may be running: no second one"
    with ends(), ScriptedServer(sends_then_waits(response_head(), text_events("Hello"))) as server:
        # The one for the first byte is not in force any more.
        text, error = collect_until_error(server, sample_values.make_client(first_byte=600, silence=0.25))
    assert (text, type(error)) == ("Hello", TimedOut)
    assert error.message == "The answer stopped: nothing more came for 0.25 s."


def test_first_byte_may_take_longer_than_silence() -> None:
    def slow(peer: Peer, _: ReceivedRequest) -> None:
        threading.Event().wait(0.5)
        peer.send(response_head(), text_events("Hi"), DONE)

    with ScriptedServer(slow) as server:
        assert collect_events(server, sample_values.make_client(first_byte=TIMEOUT, silence=0.2)) == [
            TextDelta("Hi"),
            Finished(),
        ]


def test_silence_is_between_two_bytes_not_the_whole() -> None:
    def drips(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(response_head())
        for _ in range(8):
            threading.Event().wait(0.5)
            peer.send(text_events("x"))
        peer.send(DONE)

    with ScriptedServer(drips) as server:
        got = collect_events(server, sample_values.make_client(first_byte=3, silence=3))
    assert got == [TextDelta("x")] * 8 + [Finished()]


def test_refusal_whose_body_breaks_is_still_that_refusal() -> None:
    with ScriptedServer(
        sends(response_head(403, "application/json", content_length="999"), b'{"errors"')
    ) as server:
        error = collect_until_error(server)[1]
    assert (error.status, error.retryable) == (403, False)
    with ScriptedServer(sends_then_resets(response_head(502, "text/html", content_length="999"))) as server:
        error = collect_until_error(server, sample_values.make_client(attempts=1))[1]
    assert type(error) is ServiceFailed


def test_refusal_is_understood() -> None:
    with ScriptedServer(refuses(400, 5006, "AiError: Bad input: '/top_k' must be <= 50")) as server:
        error = collect_until_error(server)[1]
    assert (error.code, error.status, error.message) == (
        5006,
        400,
        "AiError: Bad input: '/top_k' must be <= 50",
    )
    assert isinstance(error, PaddockError)
    assert not isinstance(error, Unreachable)
