"""The replay of a finished answer: the pieces and times that were recorded, or its words over its duration."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lib.api.request import Messages, Request, Turn, build_request
from lib.api.trace import Trace, TraceRecorder
from lib.chat.answer import Answer, Ending, Timings
from lib.chat.conversation import Message
from lib.chat.replay import Recording, Replay, record_message
from lib.model import model_record
from tests.clock import Clock

MODEL = model_record.default_model()
PIECES = ((0.5, "One"), (0.75, " two"), (2.0, " three"))
TEXT = "One two three"


def clock_at_zero() -> Clock:
    clock = Clock()
    clock.now = 0.0
    return clock


def request(*, stream: bool = True) -> Request:
    return build_request(MODEL, Messages((Turn("user", "Count"),)), {}, stream=stream)


def trace_of(*events: tuple[float, str], kind: str = "text/event-stream") -> Trace:
    clock = clock_at_zero()
    recorder = TraceRecorder(clock=clock)
    recorder.record_request("POST /", ())
    recorder.record_response(200, (("content-type", kind),))
    for clock.now, data in events:
        recorder.record_event(data)
    return recorder.trace()


def stream_trace(pieces: tuple[tuple[float, str], ...] = PIECES) -> Trace:
    events = [(seconds, json.dumps({"response": text})) for seconds, text in pieces]
    return trace_of(
        *events, (2.5, '{"response":"","usage":{"prompt_tokens":1,"completion_tokens":3}}'), (2.5, "[DONE]")
    )


def answer(text: str = TEXT, *, total: float = 3.0, stream: bool = True) -> Answer:
    return Answer(text, request(stream=stream), "Twin", False, None, Timings(0.5, total), Ending.FINISHED)


def message(*answers: Answer, before: str = "") -> Message:
    return Message("assistant", before + "".join(each.text for each in answers), None, answers=answers)


def record(written: Message, *traces: Trace | None) -> Recording:
    by_answer = dict(zip((each.id for each in written.answers), traces, strict=True))
    recording = record_message(written, lambda each: by_answer[each.id])
    assert recording is not None
    return recording


def timed(recording: Recording) -> list[tuple[float, str]]:
    return [(piece.seconds, piece.text) for piece in recording.pieces]


def test_the_recorded_times_are_used() -> None:
    recording = record(message(answer()), stream_trace())
    assert timed(recording) == list(PIECES)
    assert (recording.is_exact, recording.seconds, recording.text_before) == (True, 3.0, "")


def test_an_answer_without_a_trace_is_spread_over_its_duration() -> None:
    recording = record(message(answer()), None)
    assert timed(recording) == [(0.5, "One "), (1.75, "two "), (3.0, "three")]
    assert not recording.is_exact


def test_an_answer_in_one_piece_comes_when_it_came() -> None:
    body = json.dumps({"result": {"response": TEXT}, "success": True})
    written = message(answer(stream=False))
    assert timed(record(written, trace_of((2.8, body), kind="application/json"))) == [(2.8, TEXT)]
    assert {seconds for seconds, _ in timed(record(written, None))} == {3.0}


@pytest.mark.parametrize("text", ["One two", "One tw"])
def test_a_stopped_answer_ends_where_its_text_ends(text: str) -> None:
    recording = record(message(answer(text)), stream_trace())
    assert "".join(piece for _, piece in timed(recording)) == text
    assert recording.is_exact


def test_an_answer_that_broke_off_ends_there() -> None:
    events = ((0.5, '{"response":"One"}'), (0.6, '{"errors":[{"code":1,"message":"no"}]}'))
    assert timed(record(message(answer("One")), trace_of(*events))) == [(0.5, "One")]


def test_a_trace_of_another_text_is_not_used() -> None:
    recording = record(message(answer("Une deux trois")), stream_trace())
    assert "".join(piece for _, piece in timed(recording)) == "Une deux trois"
    assert not recording.is_exact


def test_parts_follow_each_other_after_what_was_there_before() -> None:
    written = message(answer(), answer(" four", total=1.0), before="Zero, ")
    recording = record(written, stream_trace(), stream_trace(((0.25, " four"),)))
    assert timed(recording) == [*PIECES, (3.25, " four")]
    assert (recording.text_before, recording.seconds, recording.is_exact) == ("Zero, ", 4.0, True)


def test_an_edited_answer_is_replayed_as_it_is_shown() -> None:
    recording = record(replace(message(answer()), content="One 2 three"), stream_trace())
    assert "".join(piece for _, piece in timed(recording)) == "One 2 three"
    assert not recording.is_exact


def test_a_message_without_an_answer_has_no_recording() -> None:
    assert record_message(Message("assistant", "Typed", None), lambda each: None) is None


def test_a_replay_follows_the_clock_and_can_be_paused() -> None:
    clock = clock_at_zero()
    replay = Replay(record(message(answer()), stream_trace()), clock)
    assert replay.parts == []
    clock.now = 0.8
    replay.pause()
    clock.now = 100.0
    assert (replay.parts, replay.seconds, replay.is_running) == (["One", " two"], 0.8, True)
    assert list(replay.follow(0.0)) == ["One two"]
    replay.resume()
    clock.now = 101.5
    assert replay.parts == ["One", " two", " three"]
    clock.now = 103.0
    assert not replay.is_running
    assert list(replay.follow(0.0)) == [TEXT]


def test_a_replay_yields_each_piece_once() -> None:
    recording = Recording(
        request(),
        "",
        record(message(answer()), stream_trace(((0.01, "One"), (0.02, " two three")))).pieces,
        0.03,
        True,
    )
    assert "".join(Replay(recording).follow(0.001)) == TEXT
