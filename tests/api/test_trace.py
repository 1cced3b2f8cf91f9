"""What went over the wire is taken down as it was, with its times, and without what would let somebody in."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, strategies

from lib.api.client import Stop
from lib.api.trace import MASKED, Event, Recorder
from lib.errors import CutOff
from tests import sample_values as setup
from tests.servers import Server, head, refuses, says, streams, texts

SECRET = "tokentokentoken_tokentokentoken_12345678"


def recorder() -> Recorder:
    """With a clock that moves a second at each look."""
    ticks = itertools.count()
    return Recorder(SECRET, lambda: float(next(ticks)))


def test_one_exchange() -> None:
    record = recorder()
    record.sent("POST http://x/run", [("Authorization", f"Bearer {SECRET}"), ("accept", "*/*")])
    record.answered(200, [("content-type", "text/event-stream"), ("set-cookie", "a=b")])
    record.received('{"response":"Hi"}')
    record.received("[DONE]")
    (one,) = record.trace().exchanges()
    assert one.line == "POST http://x/run"
    assert one.request_headers == (("Authorization", MASKED), ("accept", "*/*"))
    assert one.status == 200
    assert one.response_headers == (("content-type", "text/event-stream"), ("set-cookie", MASKED))
    assert one.events == (Event(2.0, '{"response":"Hi"}'), Event(3.0, "[DONE]"))
    assert one.seconds == 1.0


def test_each_try_is_one() -> None:
    record = recorder()
    record.sent("POST a", [])
    record.answered(429, [])
    record.received("full")
    record.sent("POST a", [])
    first, second = record.trace().exchanges()
    assert (first.status, [event.data for event in first.events]) == (429, ["full"])
    assert (second.status, second.events) == (0, ())


def test_before_anything_was_sent() -> None:
    assert recorder().trace().exchanges() == ()


@given(strategies.lists(strategies.text(strategies.characters(codec=None), max_size=20), max_size=5))
def test_any_text(received: list[str]) -> None:
    record = recorder()
    record.sent("POST a", [])
    for text in received:
        record.received(text)
    (one,) = record.trace().exchanges()
    whole = [text.encode("utf-8", "replace").decode() for text in received]
    assert [event.data for event in one.events] == whole


def test_the_secret_stands_nowhere() -> None:
    record = recorder()
    record.sent(f"POST http://x/?t={SECRET}", [("x-echo", SECRET)])
    record.answered(400, [("x-echo", f"no: {SECRET}")])
    record.received(f"bad token {SECRET}")
    assert SECRET not in repr(record.trace().exchanges())


def test_a_real_stream_as_it_was_received() -> None:
    with Server(refuses(429, 3040, "full"), streams("a", "b")) as server:
        backend, request = setup.backend(server.url), setup.request()
        record = Recorder(backend.token.reveal())
        list(setup.client().stream(backend, request, Stop(), recorder=record))
    refused, answered = record.trace().exchanges()
    assert (refused.status, answered.status) == (429, 200)
    assert json.loads(refused.events[0].data)["errors"][0]["code"] == 3040
    assert [event.data for event in answered.events][-1] == "[DONE]"
    assert [json.loads(event.data)["response"] for event in answered.events[:2]] == ["a", "b"]
    sent = dict(answered.request_headers)
    assert sent["authorization"] == MASKED
    assert answered.line == f"POST {server.url}/accounts/{backend.account_id}/ai/run/{request.model}"
    assert backend.token.reveal() not in repr((refused, answered))
    times = [event.seconds for event in answered.events]
    assert times == sorted(times)
    assert 0 < answered.seconds <= times[0]


def test_a_stream_that_is_cut_keeps_what_came() -> None:
    record = Recorder()
    with Server(says(head(), texts("a"))) as server, pytest.raises(CutOff):
        list(setup.client().stream(setup.backend(server.url), setup.request(), Stop(), recorder=record))
    (one,) = record.trace().exchanges()
    assert [json.loads(event.data)["response"] for event in one.events] == ["a"]
