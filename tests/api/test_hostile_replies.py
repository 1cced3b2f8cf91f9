"""Whatever a server sends, both ways to ask end in the same text and in an error of the tree, within bounds."""

from __future__ import annotations

import gzip
import itertools
import json
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing

import h11
import httpx
import pytest

from lib.api import client as client_module
from lib.api import reply_limits, sse
from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.api.events import Event, TextDelta
from lib.errors import (
    CutOff,
    PaddockError,
    Refused,
    ServiceFailed,
    TimedOut,
    Unintelligible,
    Unreachable,
)
from tests import sample_values
from tests.scripted_server import (
    DONE,
    Peer,
    ReceivedRequest,
    Script,
    ScriptedServer,
    encode_events,
    response_head,
    sends,
    sends_then_resets,
    text_events,
    to_chunks,
    usage_event,
)

JSON = "application/json"
CHUNKED = response_head(transfer_encoding="chunked")
HELLO = text_events("Hello")


def ask_both_ways(url: str, client: WorkersAI) -> list[tuple[str, PaddockError | None, bool]]:
    """Return text, error and whether the request was sent: by the client alone, and over a connection.

    Any exception that is not of the tree fails the test.
    """
    backend, request = sample_values.make_backend(url), sample_values.make_request()
    alone = (*collect(client.stream(backend, request, CancelToken())), True)
    with closing(client.open_connection(backend)) as connection:
        over = (*collect(client.stream_over(connection, request)), connection.was_sent)
    return [alone, over]


def collect(events: Iterator[Event]) -> tuple[str, PaddockError | None]:
    texts: list[str] = []
    try:
        for event in events:
            if isinstance(event, TextDelta):
                texts.append(event.text)
    except PaddockError as error:
        return "".join(texts), error
    return "".join(texts), None


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode("latin-1")


SSE = "content-type: text/event-stream"
BODY = json.dumps({"result": {"response": "Hello"}, "success": True}).encode()

# The expected text and class; None for a whole answer.
REPLIES: dict[str, tuple[Script, str | None, type[PaddockError] | None]] = {
    "302 without location": (sends(response_head(302)), "", Unintelligible),
    "304": (sends(response_head(304)), "", Unintelligible),
    "304 with location": (sends(response_head(304, location="/x")), "", Unintelligible),
    "300": (sends(response_head(300)), "", Unintelligible),
    "399 with location": (sends(response_head(399, location="https://a.example/")), "", Unreachable),
    "location that is no address": (sends(response_head(301, location="https://[")), "", Unreachable),
    "204": (sends(b"HTTP/1.1 204 X\r\n\r\n"), "", Unintelligible),
    "205": (sends(response_head(205)), "", Unintelligible),
    "206": (sends(response_head(206), HELLO, DONE), "", Unintelligible),
    "101": (sends(head("upgrade: x", "connection: upgrade", status="101 X")), "", PaddockError),
    "early hints": (sends(head(status="103 X"), response_head(), HELLO, DONE), "Hello", None),
    "flood of continue": (sends(head(status="100 Continue") * 1000), "", Unintelligible),
    "status 999": (sends(head(status="999 X")), "", ServiceFailed),
    "status of letters": (sends(head(status="abc X")), "", PaddockError),
    "negative length": (sends(head(SSE, "content-length: -5"), HELLO), "", PaddockError),
    "two lengths": (sends(head(SSE, "content-length: 5", "content-length: 6"), HELLO), "", PaddockError),
    "length of letters": (sends(head(SSE, "content-length: abc"), HELLO), "", PaddockError),
    "huge length": (sends(head(SSE, f"content-length: {10**19}"), HELLO), "Hello", CutOff),
    "length of digits": (sends(head(SSE, f"content-length: {'9' * 5000}"), HELLO), "", PaddockError),
    "length and chunks": (
        sends(head(SSE, "content-length: 3", "transfer-encoding: chunked"), *to_chunks(HELLO + DONE, 9)),
        "Hello",
        None,
    ),
    "negative chunk": (sends(CHUNKED, *to_chunks(HELLO, 99), b"-5\r\nxxxxx\r\n"), "Hello", CutOff),
    "negative chunk first": (sends(CHUNKED, b"-1\r\n"), "", CutOff),
    "huge chunk": (sends(CHUNKED, *to_chunks(HELLO, 99), b"f" * 20 + b"\r\nx"), "Hello", CutOff),
    "chunk of digits": (sends(CHUNKED, *to_chunks(HELLO, 99), b"1" * 90_000), "Hello", CutOff),
    "chunk of letters": (sends(CHUNKED, *to_chunks(HELLO, 99), b"xyz\r\n"), "Hello", CutOff),
    "chunk without its end": (sends(CHUNKED, b"%x\r\n" % len(HELLO), HELLO, b"xx"), "Hello", CutOff),
    "endless chunk extension": (
        sends(CHUNKED, *to_chunks(HELLO, 99), b"5;" + b"a" * 200_000),
        "Hello",
        CutOff,
    ),
    "endless trailers": (
        sends(CHUNKED, *to_chunks(HELLO, 99), b"0\r\n" + b"a: b\r\n" * 50_000),
        "Hello",
        CutOff,
    ),
    "endless header line": (sends(b"HTTP/1.1 200 OK\r\na: " + b"x" * 200_000), "", PaddockError),
    "endless header lines": (sends(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000), "", PaddockError),
    "endless status line": (sends(b"HTTP/1.1 200 " + b"x" * 200_000), "", PaddockError),
    "two layers of gzip": (
        sends(response_head(content_encoding="gzip, gzip"), gzip.compress(gzip.compress(HELLO))),
        "",
        Unintelligible,
    ),
    "brotli": (sends(response_head(content_encoding="br"), b"\x0b\x02"), "", Unintelligible),
    "cut gzip": (sends(response_head(content_encoding="gzip"), gzip.compress(HELLO)[:-9]), None, CutOff),
    "no gzip": (sends(response_head(content_encoding="gzip"), HELLO), "", Unintelligible),
    "gzip bomb": (
        sends(response_head(kind=JSON, content_encoding="gzip"), gzip.compress(b" " * 50_000_000)),
        "",
        Unintelligible,
    ),
    "not UTF-8": (sends(response_head(), HELLO, b"data: \xff\xfe\n\n", HELLO), "Hello", PaddockError),
    "not UTF-8 in JSON": (sends(response_head(kind=JSON), b'{"response":"\xff"}'), "\ufffd", None),
    "nested JSON": (sends(response_head(kind=JSON), b"[" * 500_000), "", Unintelligible),
    "nested response": (
        sends(response_head(kind=JSON), b'{"response":' + b"[" * 900 + b"]" * 900 + b"}"),
        None,
        None,
    ),
    "nested error": (
        sends(response_head(500, JSON), b'{"errors":[{"message":' + b"[" * 900 + b"]" * 900 + b"}]}"),
        "",
        ServiceFailed,
    ),
    "huge integer": (
        sends(response_head(kind=JSON), b'{"response":' + b"9" * 5000 + b"}"),
        "",
        Unintelligible,
    ),
    "NaN": (sends(response_head(kind=JSON), b'{"response":NaN}'), "NaN", None),
    "endless line": (sends(response_head(), HELLO, b"data: " + b"x" * 2_000_000), "Hello", Unintelligible),
    "endless comments": (sends(response_head(), HELLO, b":\n" * 500_000), "Hello", Unintelligible),
    "wait for ever": (sends(response_head(429, JSON, retry_after="1e300")), "", Refused),
    "date far away": (
        sends(response_head(429, JSON, retry_after="Mon, 01 Jan 99999999999 00:00:00 GMT")),
        "",
        Refused,
    ),
    "refused before it is read": (sends_then_resets(response_head(413, JSON)), "", PaddockError),
}


@pytest.mark.parametrize("name", REPLIES)
def test_both_ways_end_alike(name: str) -> None:
    script, text, kind = REPLIES[name]
    with ScriptedServer(script) as server:
        alone, over = ask_both_ways(server.url, sample_values.make_client(attempts=1))
    assert alone[0] == over[0]
    assert [type(alone[1]), str(alone[1])] == [type(over[1]), str(over[1])]
    assert over[2], "the request was sent"
    if text is not None:
        assert over[0] == text
    if kind is None:
        assert over[1] is None
    else:
        assert isinstance(over[1], kind)
        assert over[1].advice


# A value of each kind where another is expected.
ODD_VALUES = [None, True, 0, -1, 10**400, 1.5, "", "x", "\ud800", [], [None], {}, {"x": []}, [[[]]], "1e999"]


def replace_each_value(value: object, odd: object) -> Iterator[object]:
    """Yield copies of the value in which one of its parts is replaced."""
    yield odd
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ({**value, key: changed} for changed in replace_each_value(part, odd))
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from (
                [*value[:position], changed, *value[position + 1 :]]
                for changed in replace_each_value(part, odd)
            )


@pytest.mark.parametrize("odd", ODD_VALUES, ids=lambda value: repr(value)[:12])
def test_a_wrong_type_in_any_field(odd: object) -> None:
    call = {"id": "a", "index": 0, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    usage = {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 1},
        "neurons": 1.5,
    }
    choice = {
        "delta": {"content": "x", "reasoning_content": "y", "tool_calls": [call]},
        "finish_reason": "stop",
    }
    answer = {
        "response": "Hi",
        "tool_calls": [call],
        "usage": usage,
        "choices": [choice],
        "finish_reason": "stop",
    }
    error = {"code": 3040, "message": "no", "error_chain": [{"code": 1, "message": "why"}]}
    envelope = {"result": answer, "success": True, "errors": [error], "internalCode": 3}
    deadline = reply_limits.ReplyDeadline(sample_values.make_client().timeouts)
    for body in replace_each_value(envelope, odd):
        text = json.dumps(body)
        for status, kind in ((200, JSON), (200, "text/event-stream"), (400, JSON)):
            content = f"data: {text}\n\n" if kind != JSON else text
            response = httpx.Response(status, headers={"content-type": kind}, content=content.encode())
            with client_module.translate_errors(
                sample_values.make_client().timeouts, sample_values.make_backend("http://127.0.0.1:9")
            ):
                try:
                    list(client_module.decode_response(response, deadline))
                except PaddockError:
                    continue
                except Exception as failure:  # not merely translated: each field is checked where it is read
                    raise AssertionError((text, kind)) from failure


@pytest.mark.parametrize(
    "failure",
    [
        KeyError,
        ValueError,
        zlib.error,
        RecursionError,
        UnicodeError,
        OverflowError,
        h11.RemoteProtocolError,
        MemoryError,
    ],
)
def test_only_errors_of_the_tree_leave_the_client(
    monkeypatch: pytest.MonkeyPatch, failure: type[Exception]
) -> None:
    def decode(*_: object) -> Iterator[Event]:
        yield TextDelta("Hello")
        raise failure("a bug")

    monkeypatch.setattr(client_module, "decode_response", decode)
    with ScriptedServer(sends(response_head(), HELLO, DONE)) as server:
        for text, error, was_sent in ask_both_ways(server.url, sample_values.make_client(attempts=1)):
            assert (text, was_sent) == ("Hello", True)
            assert isinstance(error, PaddockError)
            assert "a bug" not in error.message


STREAM = text_events("Grüße", " 👋", " x") + usage_event(1, 3) + DONE


def body_until(position: int, size: int) -> bytes:
    """Return the part of the stream in the first bytes of the reply, whose chunks have that size (0: no chunks)."""
    left = position - len(CHUNKED if size else response_head())
    if not size:
        return STREAM[:left]
    body = b""
    for chunk in to_chunks(STREAM, size):
        line, _, piece = chunk.partition(b"\r\n")
        body += piece[:-2][: max(left - len(line) - 2, 0)]
        left -= len(chunk)
    return body


@pytest.mark.parametrize("ending", [sends, sends_then_resets], ids=["FIN", "RST"])
@pytest.mark.parametrize("size", [0, 7, 64], ids=["plain", "chunks of 7", "chunks of 64"])
def test_the_same_text_for_the_same_bytes(ending: Callable[..., Script], size: int) -> None:
    """Cut at every byte: both ways keep the same text, and no event that arrived is lost."""
    whole = response_head() + STREAM
    if size:
        whole = CHUNKED + b"".join(to_chunks(STREAM, size)) + b"0\r\n\r\n"
    position = 0
    with ScriptedServer(lambda peer, request: ending(whole[:position])(peer, request)) as server:
        client = sample_values.make_client(attempts=1)
        for position in range(len(whole) - len(STREAM), len(whole) + 1):
            alone, over = ask_both_ways(server.url, client)
            assert [alone[0], type(alone[1])] == [over[0], type(over[1])], position
            events = body_until(position, size).decode("utf-8", "ignore").split("\n\n")[:-1]
            expected = "".join(json.loads(data[6:])["response"] for data in events if data != "data: [DONE]")
            assert over[0].startswith(expected), position
            assert over[1] is None or "data: [DONE]" not in events, position


def measure_peak(work: Callable[[], object]) -> int:
    """Return the most bytes that Python allocated at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("piece", [b"[[],[],", b'{"a":1.5},' * 2], ids=["lists", "objects"])
def test_a_huge_answer_takes_little_memory(monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    """The limit is a sixteenth of the real one, so that the test is quick; memory grows with it."""
    limit = reply_limits.MAX_JSON_BYTES // 16
    monkeypatch.setattr("lib.api.response.MAX_JSON_BYTES", limit)
    body = b'{"response":[' + piece * (limit // len(piece) * 4)
    with ScriptedServer(sends(response_head(kind=JSON), body)) as server:
        client = sample_values.make_client(attempts=1)
        outcomes: list[tuple[str, PaddockError | None, bool]] = []
        peak = measure_peak(lambda: outcomes.extend(ask_both_ways(server.url, client)))
    assert [type(outcome[1]) for outcome in outcomes] == [Unintelligible] * 2
    assert "exceeds the limit of 256 KB" in str(outcomes[0][1])
    assert peak < 8 * limit


def test_too_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENTS", 40)
    for body in (
        text_events("a") * 100,
        encode_events({"tool_calls": [{"name": "a", "arguments": ""}] * 100}),
    ):
        with ScriptedServer(sends(response_head(), body)) as server:
            outcomes = ask_both_ways(server.url, sample_values.make_client(attempts=1))
        assert outcomes[0][0] == outcomes[1][0] == "a" * (20 if b"response" in body else 0)
        for _, error, _ in outcomes:
            assert str(error) == "The server's reply was stopped: it exceeds the limit of 40 events."


def drips(first: bytes, piece: bytes) -> Script:
    """Return a script that sends a piece every hundredth of a second until the client leaves."""

    def script(peer: Peer, _: ReceivedRequest) -> None:
        peer.send(first)
        for _ in itertools.count():
            threading.Event().wait(0.01)
            peer.send(piece)

    return script


@pytest.mark.parametrize(
    ("first", "piece", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\na: ", b"x", "No answer began within 0.1 s."),
        (b"", b"HTTP/1.1 100 Continue\r\na: b\r\n", "No answer began within 0.1 s."),
        (response_head(), b":\n\n", "The answer had no first event within 0.3 s."),
        (response_head(kind=JSON), b" ", "The answer had no first event within 0.3 s."),
        (response_head() + HELLO, b":\n\n", "The answer stopped: nothing more came for 0.2 s."),
        (response_head(500), b" ", "HTTP 500. The refusal was not explained within 0.15 s."),
        (
            response_head(500, content_length="999"),
            b" ",
            "HTTP 500. The refusal was not explained within 0.15 s.",
        ),
        (CHUNKED, b"1\r\n:\r\n", "The answer had no first event within 0.3 s."),
    ],
)
def test_drip_fed_bytes_do_not_outlive_the_timeouts(
    monkeypatch: pytest.MonkeyPatch, first: bytes, piece: bytes, expected: str
) -> None:
    monkeypatch.setattr(reply_limits, "MAX_ERROR_SECONDS", 0.15)
    monkeypatch.setattr("lib.api.reply_reader.MAX_INTERIM_RESPONSES", 1000)
    with ScriptedServer(drips(first, piece)) as server:
        client = sample_values.make_client(attempts=1, first_byte=0.1, silence=0.2)
        for text, error, was_sent in ask_both_ways(server.url, client):
            assert (text, was_sent) == ("Hello" if HELLO in first else "", True)
            assert str(error) == expected
            assert isinstance(error, TimedOut if "500" not in expected else ServiceFailed)


def test_a_refusal_that_is_too_long_is_still_that_refusal() -> None:
    with ScriptedServer(sends(response_head(403, "text/html"), b"<html>" * 50_000)) as server:
        for _, error, _ in ask_both_ways(server.url, sample_values.make_client(attempts=1)):
            assert error is not None
            assert error.status == 403
            assert error.message == "HTTP 403. The server's reply was stopped: it exceeds the limit of 64 KB."
