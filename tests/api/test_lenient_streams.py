"""Streams that browsers, sseclient-py and the SDKs read: the chat and an experiment read them too."""

from __future__ import annotations

import itertools
import json

import pytest

from lib.errors import CutOff, NoCapacity, Unintelligible
from tests import sample_values
from tests.api.both_clients import ask_both_ways
from tests.scripted_server import (
    DONE,
    ScriptedServer,
    cut_at,
    response_head,
    sends,
    sends_then_waits,
    text_events,
)

BOM = b"\xef\xbb\xbf"
FIRST, SECOND = text_events("Grü"), text_events("ße 👋")
PLAIN = FIRST + SECOND + DONE
TEXT = "Grüße 👋"

STREAMS = {
    "plain": PLAIN,
    "byte order mark": BOM + PLAIN,
    "byte order mark and comment": BOM + b": hello\n\n" + PLAIN,
    "blank lines first": b"\n\r\n\r" + PLAIN,
    "CRLF": PLAIN.replace(b"\n", b"\r\n"),
    "CR": PLAIN.replace(b"\n", b"\r"),
    "LF, then CRLF": PLAIN.replace(b"\n\n", b"\n\r\n"),
    "CRLF, then LF": PLAIN.replace(b"\n\n", b"\r\n\n"),
    "CR, then CRLF": PLAIN.replace(b"\n\n", b"\r\r\n"),
    "LF, then CR": PLAIN.replace(b"\n\n", b"\n\r"),
    "another line end in each event": FIRST.replace(b"\n", b"\r\n") + SECOND.replace(b"\n", b"\r") + DONE,
    "blank lines between": PLAIN.replace(b"\n\n", b"\n\n\n\r\n\n"),
    "no blank after the colon": PLAIN.replace(b"data: ", b"data:"),
    "blanks around": PLAIN.replace(b"data: ", b"data:   ").replace(b"\n\n", b" \t \n\n"),
    "DONE with blanks": FIRST + SECOND + b"data:  [DONE] \t\n\n",
    "DONE without its blank line": FIRST + SECOND + b"data: [DONE]",
    "DONE with half a blank line": FIRST + SECOND + b"data: [DONE]\n",
    "empty data": b"data:\n\n" + FIRST + b"data: \n\ndata\n\ndata:  \ndata:\n\n" + SECOND + DONE,
    "comments": b": one\n" + FIRST + b":\n\n:two\n: three\n\n" + SECOND + b":\n" + DONE,
    "other fields": b"event: message\nid: 1\nretry: 3000\n"
    + FIRST
    + b"id\nretry: soon\nfoo: bar\nx\n"
    + SECOND
    + DONE,
    "fields without data": b"event: start\n\nid: 4\n\nretry: 1\n\n" + PLAIN,
    "other events": b"event: ping\ndata: now\n\nevent: ping\ndata: {}\n\n" + PLAIN,
    "data in two lines": FIRST.replace(b'{"response"', b'{\ndata: "response"') + SECOND + DONE,
    "NUL in an id": b"id: a\0b\n" + PLAIN,
}


@pytest.mark.parametrize("name", STREAMS)
def test_the_whole_answer(name: str) -> None:
    with ScriptedServer(sends(response_head(), STREAMS[name])) as server:
        outcomes = ask_both_ways(server.url, sample_values.make_client(attempts=1))
    assert outcomes == [(TEXT, None, True)] * 2


@pytest.mark.parametrize("name", ["byte order mark", "CRLF", "CR", "LF, then CRLF", "empty data"])
def test_cut_anywhere(name: str) -> None:
    """Each two packets of a stream, also if they part a character or a line end, give its text."""
    body = STREAMS[name]
    cuts = itertools.count(1)
    with ScriptedServer(lambda peer, _: peer.send(response_head(), *cut_at(body, [next(cuts)]))) as server:
        client = sample_values.make_client(attempts=1)
        for _ in range(0, len(body), 2):
            assert ask_both_ways(server.url, client) == [(TEXT, None, True)] * 2


@pytest.mark.parametrize("line_end", [b"\n", b"\r", b"\r\n"])
def test_an_event_is_read_as_soon_as_its_blank_line_came(line_end: bytes) -> None:
    """No byte after the end is waited for, although a line feed could follow a carriage return."""
    body = PLAIN.replace(b"\n", line_end)
    with ScriptedServer(sends_then_waits(response_head(), body)) as server:
        outcomes = ask_both_ways(server.url, sample_values.make_client(attempts=1, silence=60))
    assert outcomes == [(TEXT, None, True)] * 2


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/octet-stream", "Text/Event-Stream; charset=utf-8", ""]
)
@pytest.mark.parametrize(
    "name", ["plain", "byte order mark and comment", "other events", "blank lines first"]
)
def test_under_another_content_type(kind: str, name: str) -> None:
    with ScriptedServer(sends(response_head(kind=kind), STREAMS[name][:3], STREAMS[name][3:])) as server:
        outcomes = ask_both_ways(server.url, sample_values.make_client(attempts=1))
    assert outcomes == [(TEXT, None, True)] * 2


WHOLE = json.dumps({"result": {"response": TEXT}, "success": True}, ensure_ascii=False).encode()
FULL = b'{"errors":[{"message":"full","code":3040}],"success":false,"result":{},"messages":[]}'


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain", ""])
@pytest.mark.parametrize("body", [PLAIN, WHOLE, BOM + WHOLE, b"\r\n  " + WHOLE], ids=range(4))
def test_the_first_bytes_tell_the_kind_of_a_body(body: bytes, kind: str) -> None:
    with ScriptedServer(sends(response_head(kind=kind), body[:2], body[2:])) as server:
        outcomes = ask_both_ways(server.url, sample_values.make_client(attempts=1))
        assert outcomes == [(TEXT, None, True)] * 2
    with ScriptedServer(sends(response_head(kind=kind), FULL)) as server:
        for text, error, _ in ask_both_ways(server.url, sample_values.make_client(attempts=1)):
            assert (text, type(error)) == ("", NoCapacity)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"message":"x"}', b'{"result":{"status":"queued"},"success":true}']
)
def test_other_json_is_no_empty_answer(body: bytes) -> None:
    with ScriptedServer(sends(response_head(kind="application/json"), body)) as server:
        for text, error, _ in ask_both_ways(server.url, sample_values.make_client(attempts=1)):
            assert (text, type(error)) == ("", Unintelligible)


def test_one_broken_byte_costs_one_character() -> None:
    body = FIRST.replace("ü".encode(), b"\xfc") + DONE
    with ScriptedServer(sends(response_head(), body)) as server:
        outcomes = ask_both_ways(server.url, sample_values.make_client(attempts=1))
    assert outcomes == [("Gr\ufffd", None, True)] * 2


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (FIRST + b"data: hello\n\n" + DONE, Unintelligible),
        (FIRST + b"event: error\ndata: overloaded\n\n" + DONE, Unintelligible),
        (FIRST + b'event: error\ndata: {"error":{"code":3040,"message":"full"}}\n\n' + DONE, NoCapacity),
        (FIRST + b'event: error\ndata: {"code":3040,"message":"full"}\n\n' + DONE, NoCapacity),
        (FIRST + b"data:\n\n", CutOff),
        (FIRST + b"event: ping\ndata: now\n\n", CutOff),
    ],
)
def test_what_no_client_takes(body: bytes, kind: type[Exception]) -> None:
    with ScriptedServer(sends(response_head(), body)) as server:
        for text, error, _ in ask_both_ways(server.url, sample_values.make_client(attempts=1)):
            assert (text, type(error)) == ("Grü", kind)
