"""The recorded trace: everything as received, with times, and without credentials."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, strategies

from lib.api.cancellation import CancelToken
from lib.api.trace import MASK, TraceEvent, TraceRecorder
from lib.errors import CutOff
from lib.jsonkit.surrogates import replace_lone_surrogates
from tests import sample_values as setup
from tests.scripted_server import ScriptedServer, refuses, response_head, sends, streams, text_events

SECRET = "tokentokentoken_tokentokentoken_12345678"
SECOND = "gateway-token_gateway-token_87654321"


def ticking_recorder() -> TraceRecorder:
    """Return a recorder whose clock moves one second with each call."""
    ticks = itertools.count()
    return TraceRecorder((SECRET, SECOND), lambda: float(next(ticks)))


def test_one_exchange() -> None:
    record = ticking_recorder()
    record.record_request("POST http://x/run", [("Authorization", f"Bearer {SECRET}"), ("accept", "*/*")])
    record.record_response(200, [("content-type", "text/event-stream"), ("set-cookie", "a=b")])
    record.record_event('{"response":"Hi"}')
    record.record_event("[DONE]")
    (one,) = record.trace().exchanges()
    assert one.request_line == "POST http://x/run"
    assert one.request_headers == (("Authorization", MASK), ("accept", "*/*"))
    assert one.status == 200
    assert one.response_headers == (("content-type", "text/event-stream"), ("set-cookie", MASK))
    assert one.events == (TraceEvent(2.0, '{"response":"Hi"}'), TraceEvent(3.0, "[DONE]"))
    assert one.seconds == 1.0


def test_each_try_is_one() -> None:
    record = ticking_recorder()
    record.record_request("POST a", [])
    record.record_response(429, [])
    record.record_event("full")
    record.record_request("POST a", [])
    first, second = record.trace().exchanges()
    assert (first.status, [event.data for event in first.events]) == (429, ["full"])
    assert (second.status, second.events) == (0, ())


def test_before_anything_was_sent() -> None:
    assert ticking_recorder().trace().exchanges() == ()


@given(strategies.lists(strategies.text(strategies.characters(codec=None), max_size=20), max_size=5))
def test_any_text(received: list[str]) -> None:
    record = ticking_recorder()
    record.record_request("POST a", [])
    for text in received:
        record.record_event(text)
    (one,) = record.trace().exchanges()
    assert [event.data for event in one.events] == [replace_lone_surrogates(text) for text in received]


def test_the_secret_stands_nowhere() -> None:
    record = ticking_recorder()
    record.record_request(f"POST http://x/?t={SECRET}", [("x-echo", SECRET)])
    record.record_response(400, [("x-echo", f"no: {SECRET}")])
    record.record_event(f"bad token {SECRET}")
    record.record_event(f"bad token {SECOND}")
    shown = repr(record.trace().exchanges())
    assert SECRET not in shown
    assert SECOND not in shown


def test_a_real_stream_as_it_was_received() -> None:
    with ScriptedServer(refuses(429, 3040, "full"), streams("a", "b")) as server:
        backend, request = setup.make_backend(server.url), setup.make_request()
        record = TraceRecorder(backend.secrets)
        list(setup.make_client().stream(backend, request, CancelToken(), recorder=record))
    refused, answered = record.trace().exchanges()
    assert (refused.status, answered.status) == (429, 200)
    assert json.loads(refused.events[0].data)["errors"][0]["code"] == 3040
    assert [event.data for event in answered.events][-1] == "[DONE]"
    assert [json.loads(event.data)["response"] for event in answered.events[:2]] == ["a", "b"]
    sent = dict(answered.request_headers)
    assert sent["authorization"] == MASK
    assert answered.request_line == f"POST {server.url}/accounts/{backend.account_id}/ai/run/{request.model}"
    assert backend.token.reveal() not in repr((refused, answered))
    times = [event.seconds for event in answered.events]
    assert times == sorted(times)
    assert 0 < answered.seconds <= times[0]


def test_a_stream_that_is_cut_keeps_what_came() -> None:
    record = TraceRecorder()
    with ScriptedServer(sends(response_head(), text_events("a"))) as server, pytest.raises(CutOff):
        list(
            setup.make_client().stream(
                setup.make_backend(server.url), setup.make_request(), CancelToken(), recorder=record
            )
        )
    (one,) = record.trace().exchanges()
    assert [json.loads(event.data)["response"] for event in one.events] == ["a"]
