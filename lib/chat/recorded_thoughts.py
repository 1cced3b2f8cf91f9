"""The thoughts that a model sent before its answer. They are not part of the answer: only its trace has them."""

from __future__ import annotations

from lib.api import wire
from lib.api.events import ReasoningDelta
from lib.api.trace import Trace
from lib.errors import PaddockError


def recorded_thoughts(trace: Trace) -> str:
    """Return the thoughts in the last reply of a trace, empty if there are none."""
    exchanges = trace.exchanges()
    if not exchanges:
        return ""
    exchange, thoughts = exchanges[-1], []
    is_streamed = dict(exchange.response_headers).get("content-type", "").startswith("text/event-stream")
    decode = wire.decode_event if is_streamed else wire.decode_answer
    for event in exchange.events:
        try:
            thoughts += [part.text for part in decode(event.data) if isinstance(part, ReasoningDelta)]
        except PaddockError:
            break  # the answer ended with it
    return "".join(thoughts)
