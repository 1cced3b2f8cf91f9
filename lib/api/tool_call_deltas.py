"""Join streamed tool call deltas to whole tool calls."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from lib.api.events import ToolCallDelta
from lib.model.request_options import ToolCall


def join_tool_calls(deltas: Iterable[ToolCallDelta]) -> tuple[ToolCall, ...]:
    """Return the calls in the order in which they began. Deltas of one index belong together, unless the id changes.

    The flat shape has no ids; such a call gets one, because its result must name it.
    """
    calls: list[ToolCall] = []
    position_by_index: dict[int, int] = {}
    for delta in deltas:
        position = position_by_index.get(delta.index)
        if position is None or _begins_another_call(calls[position], delta):
            position_by_index[delta.index] = len(calls)
            calls.append(ToolCall(delta.id or "", delta.name or "", delta.arguments))
        else:
            call = calls[position]
            calls[position] = ToolCall(
                call.id or delta.id or "", call.name or delta.name or "", call.arguments + delta.arguments
            )
    return tuple(
        ToolCall(call.id or f"call_{uuid.uuid4().hex[:12]}", call.name, call.arguments or "{}")
        for call in calls
    )


def _begins_another_call(call: ToolCall, delta: ToolCallDelta) -> bool:
    """Return True if a delta of the same index begins a call: some servers number each event's calls from 0."""
    if delta.id and call.id and delta.id != call.id:
        return True
    return bool(delta.name and call.name and not delta.id and not call.id)
