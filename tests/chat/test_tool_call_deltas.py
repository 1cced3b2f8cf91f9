"""Tool calls joined from the deltas of every recorded shape."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lib.api import wire
from lib.api.events import ToolCallDelta
from lib.chat.answer_accumulator import join_tool_calls
from lib.model.request_options import ToolCall

TRANSCRIPTS = Path(__file__).parent.parent / "api" / "transcripts"


def transcript_calls(name: str) -> tuple[ToolCall, ...]:
    """Return the calls in a recorded stream."""
    lines = (TRANSCRIPTS / name).read_text(encoding="utf-8").splitlines()
    events = [event for line in lines if line.startswith("data: ") for event in wire.decode_event(line[6:])]
    return join_tool_calls(event for event in events if isinstance(event, ToolCallDelta))


@pytest.mark.parametrize("name", ["tool_call_whole.sse", "tool_call_pieces.sse", "tool_call_flat.sse"])
def test_recorded_streams(name: str) -> None:
    calls = transcript_calls(name)
    assert calls
    for call in calls:
        assert call.id
        assert call.name
        assert isinstance(json.loads(call.arguments), dict)


def test_a_recorded_whole_answer() -> None:
    text = (TRANSCRIPTS / "whole_tool_call.json").read_text(encoding="utf-8")
    (call,) = join_tool_calls(event for event in wire.decode_answer(text) if isinstance(event, ToolCallDelta))
    assert (call.name, json.loads(call.arguments)) == ("stock_add", {"cantidad": "4"})
    assert call.id, "the flat shape has none, and its result must name one"


def test_pieces_of_several_calls_mixed() -> None:
    deltas = [
        ToolCallDelta(0, "a", "add", ""),
        ToolCallDelta(1, "b", "now", '{"zone"'),
        ToolCallDelta(0, None, None, '{"x":'),
        ToolCallDelta(1, None, None, ': "UTC"}'),
        ToolCallDelta(0, None, None, " 1}"),
    ]
    assert join_tool_calls(deltas) == (
        ToolCall("a", "add", '{"x": 1}'),
        ToolCall("b", "now", '{"zone": "UTC"}'),
    )


def test_each_event_may_count_from_zero() -> None:
    # [TEST] some servers send each call in an event of its own, always with index 0
    assert join_tool_calls([ToolCallDelta(0, "a", "x", "{}"), ToolCallDelta(0, "b", "x", "{}")]) == (
        ToolCall("a", "x", "{}"),
        ToolCall("b", "x", "{}"),
    )
    flat = join_tool_calls([ToolCallDelta(0, None, "x", "{}"), ToolCallDelta(0, None, "x", "{}")])
    assert [call.name for call in flat] == ["x", "x"]
    assert flat[0].id != flat[1].id


def test_a_call_without_arguments() -> None:
    assert join_tool_calls([ToolCallDelta(0, "a", "now", "")]) == (ToolCall("a", "now", "{}"),)


def test_nothing() -> None:
    assert join_tool_calls([]) == ()
