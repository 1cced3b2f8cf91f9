"""The wire's variants: every shape in which Workers AI has been seen to answer, each on demand.

For people who test a client of theirs: one that takes all of these takes what any model of the service sends. They
are the shapes of ``/ai/run``; the transcripts in tests/ hold each as it was recorded. ``VARIANTS`` is their table; a
request names one in the header ``x-paddock-wire``, and ``--wire`` names the usual one.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import wraps
from typing import Any

from lib.model.model_record import Model
from lib.twin import responses
from lib.twin.engine import EndPiece, Piece, TextPiece, ToolCallPiece
from lib.twin.engine_errors import EngineError
from lib.twin.responses import openai_tool_call, random_padding, success_envelope, usage_json

HEADER = "x-paddock-wire"
DEFAULT_VARIANT = "default"

Pieces = AsyncGenerator[Piece, None]
Payloads = AsyncGenerator[dict[str, Any], None]
Lines = AsyncGenerator[bytes, None]
Say = Iterable[dict[str, Any]]  # what the variants consist of: the payloads of events
_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")  # text that can go as a JSON number and come back as it was


@dataclass(frozen=True)
class WireVariant:
    """How answers go out. ``events`` is None where ``stream: true`` is ignored and the answer goes whole.

    ``whole`` gets the answer's value (text; in JSON mode any JSON value), its tool calls, and its end.
    """

    description: str
    stream: Callable[[Model, Pieces], Lines] | None
    whole_answer: Callable[[Model, Any, Sequence[ToolCallPiece], EndPiece], dict[str, Any]]


def _sent(payloads: Callable[[Model, Pieces], Payloads]) -> Callable[[Model, Pieces], Lines]:
    """As events, with [DONE] at the end; without it if the engine failed: that is how a reader knows."""

    @wraps(payloads)
    async def lines(model: Model, pieces: Pieces) -> Lines:
        try:
            async with aclosing(payloads(model, pieces)) as sent:
                async for payload in sent:
                    yield responses.sse_event(payload)
            yield responses.SSE_DONE
        except EngineError:
            return

    return lines


def _short(end: EndPiece) -> dict[str, Any]:
    """Usage as it was before 2026: three counts."""
    total = end.prompt_tokens + end.completion_tokens
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.completion_tokens,
        "total_tokens": total,
    }


# Tool calls, in the three shapes that were seen.


def _flat_call(call: ToolCallPiece, index: int) -> dict[str, Any]:
    """No id, and the arguments as an object. The text of a call that was cut off stays the text that it is."""
    try:
        return {"name": call.name, "arguments": json.loads(call.arguments or "{}")}
    except ValueError:
        return {"name": call.name, "arguments": call.arguments}


def _call_whole(call: ToolCallPiece, index: int) -> Say:
    yield {"response": "", "tool_calls": [openai_tool_call(call, index)]}


def _call_flat(call: ToolCallPiece, index: int) -> Say:
    yield {"tool_calls": [_flat_call(call, index)]}


def _call_in_pieces(call: ToolCallPiece, index: int) -> Say:
    name = {"id": call.id, "type": "function", "index": index, "function": {"name": call.name}}
    yield {"tool_calls": [name]}
    half = len(call.arguments) // 2
    for part in (call.arguments[:half], call.arguments[half:]):
        yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}
    nothing = {"name": None, "arguments": ""}
    yield {"tool_calls": [{"id": None, "type": None, "index": index, "function": nothing}]}


# Streams.


def _native(
    text: Callable[[TextPiece], Say],
    end: Callable[[Model, EndPiece], Say],
    *,
    opening: Callable[[], Say] = lambda: (),
    call: Callable[[ToolCallPiece, int], Say] = _call_whole,
    after_calls: Say = (),
) -> Callable[[Model, Pieces], Lines]:
    """A stream of the native kind, by what it says at its opening, for each text and each call, and at its end."""

    @_sent
    async def payloads(model: Model, pieces: Pieces) -> Payloads:
        for payload in opening():
            yield payload
        called = 0
        async for piece in pieces:
            match piece:
                case TextPiece():
                    said = text(piece)
                case ToolCallPiece():
                    said = call(piece, called)
                    called += 1
                case EndPiece():
                    said = [*(after_calls if called else ()), *end(model, piece)]
            for payload in said:
                yield payload

    return payloads


def _text(piece: TextPiece) -> Say:
    yield {"response": piece.text, "p": random_padding()}


def _end(model: Model, end: EndPiece) -> Say:
    yield {"response": "", "usage": usage_json(model, end)}


def _added(piece: TextPiece) -> dict[str, Any]:
    """Usage as what one event adds. Its sum need not come to the last event's: an event may carry several tokens."""
    return _short(EndPiece("stop", piece.prompt_tokens, 1, 0))


def _vllm_end(model: Model, end: EndPiece) -> Say:
    yield {"tool_calls": [], "p": random_padding()}
    yield {"response": "", "usage": _short(end)}


def _null_text(piece: TextPiece) -> Say:
    yield {"response": piece.text, "p": random_padding()}
    yield {"p": random_padding()}


def _as_number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


@_sent
async def _openai(model: Model, pieces: Pieces) -> Payloads:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {"choices": [{"delta": delta, "finish_reason": reason, "index": 0}], "p": random_padding()}

    called = 0
    yield chunk({"role": "assistant", "content": ""})
    async for piece in pieces:
        match piece:
            case TextPiece(text):
                yield {**chunk({"content": text}), "usage": _added(piece)}
            case ToolCallPiece():
                yield chunk({"tool_calls": [openai_tool_call(piece, called)]})
                called += 1
            case EndPiece(reason):
                yield chunk({"content": ""}, "tool_calls" if called else reason)
                yield {"choices": [], "p": random_padding(), "usage": _short(piece)}
                yield {"response": "", "usage": _short(piece)}


# Whole answers.


def _whole(
    count: Callable[[Model, EndPiece], dict[str, Any]],
    *,
    value: Callable[[Any], Any] = lambda value: value,
    call: Callable[[ToolCallPiece, int], dict[str, Any]] = openai_tool_call,
    always: bool = False,
    null: bool = False,
) -> Callable[[Model, Any, Sequence[ToolCallPiece], EndPiece], dict[str, Any]]:
    """A whole answer, by how it counts.

    ``always``: with a list of tool calls even where there are none. ``null``: no text beside calls is null.
    """

    def whole(model: Model, answered: Any, called: Sequence[ToolCallPiece], end: EndPiece) -> dict[str, Any]:
        result: dict[str, Any] = {"response": value(answered)}
        if called or always:
            result["tool_calls"] = [call(one, number) for number, one in enumerate(called)]
        if called and null and answered == "":
            result["response"] = None
        return success_envelope({**result, "usage": count(model, end)})

    return whole


def _openai_whole(model: Model, value: Any, calls: Sequence[ToolCallPiece], end: EndPiece) -> dict[str, Any]:
    content = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = [openai_tool_call(call, number) for number, call in enumerate(calls)]
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else end.reason}
    return success_envelope({"choices": [choice], "usage": _short(end)})


VARIANTS = {
    DEFAULT_VARIANT: WireVariant(
        "text and padding; one last event with usage, cached tokens and neurons",
        _native(_text, _end),
        _whole(usage_json, call=_flat_call, null=True),
    ),
    "llama3": WireVariant(
        "the Llama 3 era: text and padding, no usage in the stream",
        _native(_text, lambda model, end: [{"response": "", "p": random_padding()}]),
        _whole(lambda model, end: _short(end)),
    ),
    "vllm": WireVariant(
        "models served by vLLM: an empty list of tool calls in every event, one event without a response",
        _native(
            lambda piece: [{"response": piece.text, "tool_calls": [], "p": random_padding()}],
            _vllm_end,
            opening=lambda: [{"response": "", "tool_calls": [], "p": random_padding()}],
        ),
        _whole(lambda model, end: _short(end), always=True),
    ),
    "2026": WireVariant(
        "usage in every event as what it adds, and the sum in the last",
        _native(lambda piece: [{"response": piece.text, "usage": _added(piece)}], _end),
        _whole(usage_json, always=True),
    ),
    "openai": WireVariant(
        "newer models: OpenAI's chunks, then the native usage event", _openai, _openai_whole
    ),
    "numbers": WireVariant(
        "text that reads as a number comes as a number",
        _native(lambda piece: [{"response": _as_number(piece.text), "p": random_padding()}], _end),
        _whole(usage_json, value=_as_number),
    ),
    "null": WireVariant(
        "the response is null or absent where there is no text",
        _native(
            _null_text,
            lambda model, end: [{"response": None, "usage": usage_json(model, end)}],
            opening=lambda: [{"response": None, "p": random_padding()}],
        ),
        _whole(usage_json, value=lambda value: None if value == "" else value),
    ),
    "tools-whole": WireVariant(
        "each tool call in one piece, in OpenAI's shape",
        _native(_text, _end, call=_call_whole),
        _whole(usage_json),
    ),
    "tools-pieces": WireVariant(
        "tool calls in pieces, a null one after each",
        _native(_text, _end, call=_call_in_pieces, after_calls=[{"finish_reason": "tool_calls"}]),
        _whole(usage_json),
    ),
    "tools-flat": WireVariant(
        "tool calls as name and arguments alone",
        _native(_text, _end, call=_call_flat),
        _whole(usage_json, call=_flat_call, null=True),
    ),
    "plain": WireVariant("stream is ignored, and the answer comes whole", None, _whole(usage_json)),
}


def find_variant(name: str) -> WireVariant:
    """The variant of that name. Raises ValueError, which lists the names."""
    if (variant := VARIANTS.get(name.strip())) is None:
        raise ValueError(f"no variant is named {name[:50]!r}; there are {', '.join(VARIANTS)}")
    return variant
