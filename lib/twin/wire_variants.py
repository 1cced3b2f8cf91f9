"""Wire variants: every recorded format of Workers AI answers, on demand.

They are for people who test their own clients: a client that reads all of them reads the answers of any model. They
are the formats of ``/ai/run``; the transcripts in tests/ have each as it was recorded. A request names a variant of
``VARIANTS`` in the header ``x-paddock-wire``, and ``--wire`` names the default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lib.model.model_record import Model
from lib.twin.generation import EndPiece, Pieces, TextPiece, ToolCallPiece
from lib.twin.responses import Payloads, openai_tool_call, random_padding, success_envelope, usage_json

HEADER = "x-paddock-wire"
DEFAULT_VARIANT = "default"

# The payloads of the events for one piece.
PiecePayloads = Iterable[dict[str, Any]]
# Text that is the same after it was sent as a JSON number.
_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")


@dataclass(frozen=True)
class WireVariant:
    """A format of answers. ``stream`` is None if the variant ignores ``stream: true`` and sends a whole answer.

    ``whole_answer`` gets the answer's value (text; in JSON mode any JSON value), its tool calls, and its end.
    """

    description: str
    stream: Callable[[Model, Pieces], Payloads] | None
    whole_answer: Callable[[Model, Any, Sequence[ToolCallPiece], EndPiece], dict[str, Any]]


def _short_usage(end: EndPiece) -> dict[str, Any]:
    """Return usage in the format before 2026: three counts."""
    total = end.prompt_tokens + end.completion_tokens
    counts = {"prompt_tokens": end.prompt_tokens, "completion_tokens": end.completion_tokens}
    return {**counts, "total_tokens": total}


# Tool calls, in the three recorded formats.


def _flat_call(call: ToolCallPiece, index: int) -> dict[str, Any]:
    """Return a call without id and with its arguments as an object, or as text if the call was cut off."""
    try:
        return {"name": call.name, "arguments": json.loads(call.arguments or "{}")}
    except ValueError:
        return {"name": call.name, "arguments": call.arguments}


def _call_whole(call: ToolCallPiece, index: int) -> PiecePayloads:
    yield {"response": "", "tool_calls": [openai_tool_call(call, index)]}


def _call_flat(call: ToolCallPiece, index: int) -> PiecePayloads:
    yield {"tool_calls": [_flat_call(call, index)]}


def _call_in_pieces(call: ToolCallPiece, index: int) -> PiecePayloads:
    name = {"id": call.id, "type": "function", "index": index, "function": {"name": call.name}}
    yield {"tool_calls": [name]}
    half = len(call.arguments) // 2
    for part in (call.arguments[:half], call.arguments[half:]):
        yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
    nothing = {"name": None, "arguments": ""}
    yield {"tool_calls": [{"id": None, "type": None, "index": index, "function": nothing}]}


# Streams.


def _stream_natively(
    text: Callable[[TextPiece], PiecePayloads],
    end: Callable[[Model, EndPiece], PiecePayloads],
    *,
    opening: Callable[[], PiecePayloads] = lambda: (),
    call: Callable[[ToolCallPiece, int], PiecePayloads] = _call_whole,
    after_calls: PiecePayloads = (),
) -> Callable[[Model, Pieces], Payloads]:
    """Build a native stream from the payloads of its opening, each text, each call, and its end."""

    async def payloads(model: Model, pieces: Pieces) -> Payloads:
        for payload in opening():
            yield payload
        call_count = 0
        async for piece in pieces:
            match piece:
                case TextPiece():
                    sent = text(piece)
                case ToolCallPiece():
                    sent = call(piece, call_count)
                    call_count += 1
                case EndPiece():
                    sent = [*(after_calls if call_count else ()), *end(model, piece)]
            for payload in sent:
                yield payload

    return payloads


def _text(piece: TextPiece) -> PiecePayloads:
    yield {"response": piece.text, "p": random_padding()}


def _end_event(model: Model, end: EndPiece) -> PiecePayloads:
    yield {"response": "", "usage": usage_json(model, end)}


def _event_usage(piece: TextPiece) -> dict[str, Any]:
    """Return the usage that one event adds. An event may have several tokens, so the sum is not the final usage."""
    return _short_usage(EndPiece("stop", piece.prompt_tokens, 1, 0))


def _vllm_end_events(model: Model, end: EndPiece) -> PiecePayloads:
    yield {"tool_calls": [], "p": random_padding()}
    yield {"response": "", "usage": _short_usage(end)}


def _null_text(piece: TextPiece) -> PiecePayloads:
    yield {"response": piece.text, "p": random_padding()}
    yield {"p": random_padding()}


def _as_number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


async def _stream_openai_chunks(model: Model, pieces: Pieces) -> Payloads:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {"choices": [{"delta": delta, "finish_reason": reason, "index": 0}], "p": random_padding()}

    call_count = 0
    yield chunk({"role": "assistant", "content": ""})
    async for piece in pieces:
        match piece:
            case TextPiece(text):
                yield {**chunk({"content": text}), "usage": _event_usage(piece)}
            case ToolCallPiece():
                yield chunk({"tool_calls": [openai_tool_call(piece, call_count)]})
                call_count += 1
            case EndPiece(reason):
                yield chunk({"content": ""}, "tool_calls" if call_count else reason)
                yield {"choices": [], "p": random_padding(), "usage": _short_usage(piece)}
                yield {"response": "", "usage": _short_usage(piece)}


# Whole answers.


def _build_whole(
    count: Callable[[Model, EndPiece], dict[str, Any]],
    *,
    value: Callable[[Any], Any] = lambda value: value,
    call: Callable[[ToolCallPiece, int], dict[str, Any]] = openai_tool_call,
    always: bool = False,
    null: bool = False,
) -> Callable[[Model, Any, Sequence[ToolCallPiece], EndPiece], dict[str, Any]]:
    """Build a whole answer. ``count`` returns its usage.

    ``always``: the list of tool calls is there even if it is empty. ``null``: beside calls, no text is null.
    """

    def whole(model: Model, answer: Any, calls: Sequence[ToolCallPiece], end: EndPiece) -> dict[str, Any]:
        result: dict[str, Any] = {"response": value(answer)}
        if calls or always:
            result["tool_calls"] = [call(piece, number) for number, piece in enumerate(calls)]
        if calls and null and answer == "":
            result["response"] = None
        return success_envelope({**result, "usage": count(model, end)})

    return whole


def _openai_completion(
    model: Model, value: Any, calls: Sequence[ToolCallPiece], end: EndPiece
) -> dict[str, Any]:
    content = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = [openai_tool_call(call, number) for number, call in enumerate(calls)]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else end.reason}
    return success_envelope({"choices": [choice], "usage": _short_usage(end)})


VARIANTS = {
    DEFAULT_VARIANT: WireVariant(
        "text and padding; one last event with usage, cached tokens and neurons",
        _stream_natively(_text, _end_event),
        _build_whole(usage_json, call=_flat_call, null=True),
    ),
    "llama3": WireVariant(
        "the Llama 3 era: text and padding, no usage in the stream",
        _stream_natively(_text, lambda model, end: [{"response": "", "p": random_padding()}]),
        _build_whole(lambda model, end: _short_usage(end)),
    ),
    "vllm": WireVariant(
        "models served by vLLM: an empty list of tool calls in every event, one event without a response",
        _stream_natively(
            lambda piece: [{"response": piece.text, "tool_calls": [], "p": random_padding()}],
            _vllm_end_events,
            opening=lambda: [{"response": "", "tool_calls": [], "p": random_padding()}],
        ),
        _build_whole(lambda model, end: _short_usage(end), always=True),
    ),
    "2026": WireVariant(
        "usage in every event as what it adds, and the sum in the last",
        _stream_natively(lambda piece: [{"response": piece.text, "usage": _event_usage(piece)}], _end_event),
        _build_whole(usage_json, always=True),
    ),
    "openai": WireVariant(
        "newer models: OpenAI's chunks, then the native usage event",
        _stream_openai_chunks,
        _openai_completion,
    ),
    "numbers": WireVariant(
        "text that reads as a number comes as a number",
        _stream_natively(
            lambda piece: [{"response": _as_number(piece.text), "p": random_padding()}], _end_event
        ),
        _build_whole(usage_json, value=_as_number),
    ),
    "null": WireVariant(
        "the response is null or absent where there is no text",
        _stream_natively(
            _null_text,
            lambda model, end: [{"response": None, "usage": usage_json(model, end)}],
            opening=lambda: [{"response": None, "p": random_padding()}],
        ),
        _build_whole(usage_json, value=lambda value: None if value == "" else value),
    ),
    "tools-whole": WireVariant(
        "each tool call in one piece, in OpenAI's shape",
        _stream_natively(_text, _end_event, call=_call_whole),
        _build_whole(usage_json),
    ),
    "tools-pieces": WireVariant(
        "tool calls in pieces, a null one after each",
        _stream_natively(
            _text, _end_event, call=_call_in_pieces, after_calls=[{"finish_reason": "tool_calls"}]
        ),
        _build_whole(usage_json),
    ),
    "tools-flat": WireVariant(
        "tool calls as name and arguments alone",
        _stream_natively(_text, _end_event, call=_call_flat),
        _build_whole(usage_json, call=_flat_call, null=True),
    ),
    "plain": WireVariant("stream is ignored, and the answer comes whole", None, _build_whole(usage_json)),
}


def find_variant(name: str) -> WireVariant:
    """Return the variant of this name. Raises ValueError, which lists the names."""
    if (variant := VARIANTS.get(name.strip())) is None:
        raise ValueError(f"no variant is named {name[:50]!r}; there are {', '.join(VARIANTS)}")
    return variant
