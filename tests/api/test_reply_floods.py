"""A server that never ends, or sends far too much, is stopped: both ways to ask name the limit and keep the text."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from collections.abc import Callable

import pytest

from lib.api import reply_limits, sse
from lib.errors import PaddockError, ServiceFailed, TimedOut, Unintelligible
from tests import sample_values
from tests.api.both_clients import ask_both_ways
from tests.scripted_server import (
    Peer,
    ReceivedRequest,
    Script,
    ScriptedServer,
    encode_events,
    response_head,
    sends,
    text_events,
)

JSON = "application/json"
CHUNKED = response_head(transfer_encoding="chunked")
HELLO = text_events("Hello")


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


def test_too_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text counts up to the limit, however much arrives at once. Each chunk costs as much as a long one."""
    monkeypatch.setattr("lib.api.reply_reader.MAX_BODY_PIECES", 2 * len(HELLO) + 3)
    single_bytes = b"".join(b"1\r\n%c\r\n" % byte for byte in HELLO * 100)
    with ScriptedServer(sends(CHUNKED, single_bytes)) as server:
        outcomes = ask_both_ways(server.url, sample_values.make_client(attempts=1))
    for text, error, _ in outcomes:
        assert text == "HelloHello"
        assert (
            str(error)
            == f"The server's reply was stopped: it exceeds the limit of {2 * len(HELLO) + 3} pieces."
        )


def test_a_whole_answer_in_too_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.api.reply_reader.MAX_BODY_PIECES", 100)
    head = response_head(kind=JSON, transfer_encoding="chunked")
    with ScriptedServer(sends(head, b"1\r\n \r\n" * 200)) as server:
        outcomes = ask_both_ways(server.url, sample_values.make_client(attempts=1))
    for _, error, _ in outcomes:
        assert str(error) == "The server's reply was stopped: it exceeds the limit of 100 pieces."


@pytest.mark.parametrize("piece", [b"\n", b":\n\n", b"x\n" * 900 + b"\n", b"data\n\n"])
def test_too_many_lines_without_an_event(monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr(sse, "MAX_REPLY_LINES", 2_000)
    with ScriptedServer(sends(response_head(), HELLO + piece * 3_000)) as server:
        outcomes = ask_both_ways(server.url, sample_values.make_client(attempts=1))
    for text, error, _ in outcomes:
        assert text == "Hello"
        assert str(error) == "The server's reply was stopped: it exceeds the limit of 2,000 lines."


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
        (b"HTTP/1.1 200 OK\r\na: ", b"x", "No answer began within 1 s."),
        (b"", b"HTTP/1.1 100 Continue\r\na: b\r\n", "No answer began within 1 s."),
        (response_head(), b":\n\n", "The answer had no first event within 3 s."),
        (response_head(kind=JSON), b" ", "The answer had no first event within 3 s."),
        (response_head() + HELLO, b":\n\n", "The answer stopped: nothing more came for 2 s."),
        (response_head(500), b" ", "HTTP 500. The refusal was not explained within 1.5 s."),
        (
            response_head(500, content_length="999"),
            b" ",
            "HTTP 500. The refusal was not explained within 1.5 s.",
        ),
        (CHUNKED, b"1\r\n:\r\n", "The answer had no first event within 3 s."),
    ],
)
def test_drip_fed_bytes_do_not_outlive_the_timeouts(
    monkeypatch: pytest.MonkeyPatch, first: bytes, piece: bytes, expected: str
) -> None:
    monkeypatch.setattr(reply_limits, "MAX_ERROR_SECONDS", 1.5)
    monkeypatch.setattr("lib.api.reply_reader.MAX_INTERIM_RESPONSES", 1000)
    with ScriptedServer(drips(first, piece)) as server:
        client = sample_values.make_client(attempts=1, first_byte=1, silence=2)
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
