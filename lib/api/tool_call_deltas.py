"""Tool calls put together from the pieces that they come in."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from lib.api.events import ToolCallDelta
from lib.model.request_options import ToolCall


def join_tool_calls(deltas: Iterable[ToolCallDelta]) -> tuple[ToolCall, ...]:
    """The calls, in the order in which they began; pieces of one index belong together, unless another id begins.

    The flat shape has no ids: such a call is given one, for its result must name it.
    """
    calls: list[ToolCall] = []
    open_at: dict[int, int] = {}  # where the call of an index stands in the list
    for delta in deltas:
        at = open_at.get(delta.index)
        if at is None or _begins_another_call(calls[at], delta):
            open_at[delta.index] = len(calls)
            calls.append(ToolCall(delta.id or "", delta.name or "", delta.arguments))
        else:
            old = calls[at]
            calls[at] = ToolCall(
                old.id or delta.id or "", old.name or delta.name or "", old.arguments + delta.arguments
            )
    return tuple(
        ToolCall(call.id or f"call_{uuid.uuid4().hex[:12]}", call.name, call.arguments or "{}")
        for call in calls
    )


def _begins_another_call(call: ToolCall, delta: ToolCallDelta) -> bool:
    """Whether a piece of the same index begins another call: some servers number each event's calls from 0."""
    if delta.id and call.id and delta.id != call.id:
        return True
    return bool(delta.name and call.name and not delta.id and not call.id)
