"""Whatever a server sends, both ways to ask end in the same text and in an error of the tree, within bounds."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator

import h11
import httpx
import pytest

from lib.api import client as client_module
from lib.api import reply_limits
from lib.api.events import Event, TextDelta
from lib.errors import (
    CutOff,
    PaddockError,
    Refused,
    ServiceFailed,
    Unintelligible,
    Unreachable,
)
from tests import sample_values
from tests.api.both_clients import ask_both_ways
from tests.scripted_server import (
    DONE,
    Script,
    ScriptedServer,
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
    "broken gzip": (
        sends(
            response_head(content_encoding="gzip"), gzip.compress(HELLO + bytes(range(99)))[:-50] + b"x" * 99
        ),
        "Hello",
        Unintelligible,
    ),
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
    "whole answer without its last chunk": (
        sends(response_head(kind=JSON, transfer_encoding="chunked"), *to_chunks(BODY, 9)),
        "Hello",
        None,
    ),
    "whole answer before a reset": (
        sends_then_resets(response_head(kind=JSON, transfer_encoding="chunked"), *to_chunks(BODY, 9)),
        "Hello",
        None,
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
            stream = httpx.ByteStream(content.encode())
            response = httpx.Response(status, headers={"content-type": kind}, stream=stream)
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
