"""Answers on the wire: the parts that all formats share, and the answers of the OpenAI-compatible endpoint."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from typing import Any

from lib.model.model_record import Model
from lib.twin.api_errors import model_failed
from lib.twin.engine_errors import EngineCrashedError, EngineError
from lib.twin.generation import EndPiece, Pieces, TextPiece, ToolCallPiece

# The JSON objects that a stream sends.
Payloads = AsyncGenerator[dict[str, Any], None]

SSE_DONE = b"data: [DONE]\n\n"
# Characters of a call's arguments in one event.
ARGUMENTS_CHUNK_CHARS = 12
_PAD = "abcdefghijklmnopqrstuvwxyz0123456789" * 2


def success_envelope(result: Any, **more: Any) -> dict[str, Any]:
    """Return the JSON body of a success."""
    return {"result": result, "success": True, "errors": [], "messages": [], **more}


def count_neurons(model: Model, end: EndPiece) -> Decimal:
    """Return the neurons that Cloudflare would bill for the answer."""
    price = model.price
    exact = price.neurons_per_million_input * end.prompt_tokens
    exact += price.neurons_per_million_output * end.completion_tokens
    return (exact / 1_000_000).quantize(Decimal("0.000001"))


def usage_json(model: Model, end: EndPiece) -> dict[str, Any]:
    """Return the answer's usage in the format of 2026, with cached tokens and neurons."""
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.completion_tokens,
        "total_tokens": end.prompt_tokens + end.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": end.cached_tokens},
        "neurons": float(count_neurons(model, end)),
    }


def random_padding() -> str:
    """Return 6 to 50 characters that hide the length of a token from observers of the connection."""
    return _PAD[: 6 + secrets.randbelow(45)]


async def sse_events(payloads: Payloads) -> AsyncGenerator[bytes, None]:
    """Encode payloads as server-sent events (SSE), with [DONE] at the end, except if the engine failed.

    A model that has crashed says so. It is not known what Cloudflare sends then; OpenAI's clients read this form too.
    """
    try:
        async with aclosing(payloads):
            async for payload in payloads:
                yield _sse_event(payload)
        yield SSE_DONE
    except EngineCrashedError as error:
        refusal = model_failed(str(error))
        yield _sse_event({"error": {"code": refusal.code, "message": refusal.message}})
    except EngineError:
        return


def _sse_event(payload: dict[str, Any]) -> bytes:
    line = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return f"data: {line}\n\n".encode()


def openai_tool_call(call: ToolCallPiece, index: int | None = None) -> dict[str, Any]:
    """Return a call in OpenAI's format, in a stream with its index."""
    position = {} if index is None else {"index": index}
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", **position, "function": function}


def _completion(model: Model, request_id: str, kind: str, choices: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{request_id}",
        "object": kind,
        "created": int(time.time()),
        "model": model.id,
        "choices": choices,
        **more,
    }


def openai_completion(
    model: Model, request_id: str, text: str, calls: Sequence[ToolCallPiece], end: EndPiece
) -> dict[str, Any]:
    """Return a whole answer of the OpenAI-compatible endpoint."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message |= {"content": text or None, "tool_calls": [openai_tool_call(call) for call in calls]}
    reason = "tool_calls" if calls else end.reason
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return _completion(model, request_id, "chat.completion", [choice], usage=usage_json(model, end))


def _call_deltas(call: ToolCallPiece, index: int) -> Iterator[dict[str, Any]]:
    """Yield a call as OpenAI streams it: its name first, then the text of its arguments in parts."""
    yield openai_tool_call(replace(call, arguments=""), index)
    for start in range(0, len(call.arguments), ARGUMENTS_CHUNK_CHARS):
        part = call.arguments[start : start + ARGUMENTS_CHUNK_CHARS]
        yield {"index": index, "function": {"arguments": part}}


async def openai_stream(model: Model, request_id: str, pieces: Pieces, *, with_usage: bool) -> Payloads:
    """Yield the payloads of an OpenAI-compatible stream. It too ends with the native event that has the usage."""

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _completion(model, request_id, "chat.completion.chunk", [choice], p=random_padding())

    call_count = 0
    yield chunk({"role": "assistant", "content": ""})
    async for piece in pieces:
        match piece:
            case TextPiece(text):
                yield chunk({"content": text})
            case ToolCallPiece():
                for delta in _call_deltas(piece, call_count):
                    yield chunk({"tool_calls": [delta]})
                call_count += 1
            case EndPiece(reason):
                counts = usage_json(model, piece)
                yield chunk({}, "tool_calls" if call_count else reason)
                if with_usage:
                    yield _completion(model, request_id, "chat.completion.chunk", [], usage=counts)
                yield {"response": "", "usage": counts}
