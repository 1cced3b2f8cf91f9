"""JSON ↔ values, every quirk of the wire with its source. Raw dicts live here and nowhere else.

Sources: [REC] recorded from the live API by somebody, [DOC] Cloudflare's documentation or SDK,
[TEST] the fixture of a client library. The transcripts in tests/ hold each variant as it was seen.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from lib.errors import PaddockError, Unintelligible, refusal
from lib.events import Event, Finished, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from lib.request import Messages, Prompt, Request

DONE = "[DONE]"

_GARBLED = (
    "Retry. If it stays, check CLOUDFLARE_BASE_URL and anything between here and Cloudflare, such as a proxy."
)


def encode(request: Request) -> dict[str, Any]:
    """The JSON body of a request, in the order of the documented schema."""
    body: dict[str, Any]
    match request.input:
        case Messages(turns):
            body = {"messages": [{"role": turn.role, "content": turn.content} for turn in turns]}
        case Prompt(text, raw):
            body = {"prompt": text}
            if raw:
                body["raw"] = True
    return body | {"stream": request.stream} | dict(request.parameters)


def decode_event(data: str) -> Iterator[Event]:
    """The events in one ``data:`` line of a stream. Raises a PaddockError for an error sent mid-stream."""
    if data == DONE:
        yield Finished()
        return
    yield from _decode_result(_object(data, "an event"))


def decode_whole(text: str) -> Iterator[Event]:
    """The events in an answer that was not streamed: the API's envelope, or the bare result in it."""
    body = _object(text, "the answer")
    if "result" in body and "success" in body:
        if not body["success"]:
            raise decode_error(None, text, {})
        body = body["result"] if isinstance(body["result"], dict) else {"response": body["result"]}
    yield from _decode_result(body)
    yield Finished()


def decode_error(status: int | None, text: str, headers: Mapping[str, str]) -> PaddockError:
    """The error for a refusal: its HTTP status, its body (JSON envelope, HTML, anything) and its headers."""
    wait = retry_after(headers.get("retry-after"))
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    first = _first_error(body) if isinstance(body, dict) else None
    if first is None:
        what = (
            "a web page" if "<html" in text[:2000].lower() or "<!doctype" in text[:200].lower() else "no JSON"
        )
        return refusal(status, None, f"HTTP {status}: the server sent {what} instead of an answer.", wait)
    code, message = first
    return refusal(status, code, message or f"HTTP {status}", wait)


def retry_after(value: str | None, now: float | None = None) -> float | None:
    """The wait in seconds that a Retry-After header asks for: a number, or an HTTP date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - (time.time() if now is None else now))
    except (ValueError, TypeError):
        return None


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        body = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        # sseclient-py delivers the trailing piece of a broken stream as an event: its caller knows what that means
        raise Unintelligible(f"The server sent {what} that is not JSON.", advice=_GARBLED, retryable=True)
    return body


def _decode_result(body: dict[str, Any]) -> Iterator[Event]:
    if body.get("error") or body.get("errors") or body.get("internalCode"):
        # Error frames in mid-stream have not been recorded; these are the shapes that errors have elsewhere.
        code, message = _first_error(body) or (None, "")
        raise refusal(None, code, message or "The service reported an error in mid-answer.")
    if "response" in body:
        yield from _text(body["response"])
    for position, call in enumerate(_list(body.get("tool_calls"))):
        yield from _tool_call(call, position)
    reason = body.get("finish_reason")
    for choice in _list(body.get("choices"))[:1]:
        # [REC] newer models on the same path send OpenAI's chunks; a whole answer has "message" for "delta"
        delta = choice.get("delta") or choice.get("message") or {}
        if isinstance(thought := delta.get("reasoning_content"), str) and thought:
            yield ReasoningDelta(thought)
        yield from _text(delta.get("content"))
        for position, call in enumerate(_list(delta.get("tool_calls"))):
            yield from _tool_call(call, position)
        reason = choice.get("finish_reason") or reason
    if isinstance(body.get("usage"), dict):
        yield _usage(body["usage"])
    if isinstance(reason, str):
        yield Finished(reason)


def _text(value: Any) -> Iterator[Event]:
    match value:
        case None | "":
            return  # [REC] null, and chunks without text
        case str():
            yield TextDelta(value)
        case bool() | int() | Decimal() | float():
            # [REC] a token that reads as a number comes as one: {"response":6}
            yield TextDelta(json.dumps(value) if isinstance(value, bool) else str(value))
        case _:
            # [REC] JSON mode: the answer as an object or a list
            yield TextDelta(json.dumps(value, ensure_ascii=False, default=_plain))


def _tool_call(call: Any, position: int) -> Iterator[Event]:
    if not isinstance(call, dict):
        return
    nested = call.get("function")
    function = nested if isinstance(nested, dict) else call
    name, arguments = function.get("name"), function.get("arguments")
    if arguments is None:
        arguments = ""
    elif not isinstance(arguments, str):  # [REC] flat shape: arguments is an object
        arguments = json.dumps(arguments, ensure_ascii=False, default=_plain)
    if call.get("id") is None and name is None and not arguments:
        return  # [TEST] the null finaliser after the pieces
    index = call.get("index")
    yield ToolCallDelta(index if isinstance(index, int) else position, call.get("id"), name, arguments)


def _usage(usage: dict[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    neurons = usage.get("neurons")
    return Usage(
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        _count(cached),
        Decimal(neurons) if isinstance(neurons, (int, Decimal)) and not isinstance(neurons, bool) else None,
    )


def _count(value: Any) -> int:
    # The bound keeps a hostile 1e999999 from being written out in digits.
    return int(value) if isinstance(value, (int, Decimal)) and 0 <= value < 10**12 else 0


def _first_error(body: dict[str, Any]) -> tuple[int | None, str] | None:
    """Code and message of the first error in any of the shapes seen: errors[], error{}, internalCode."""
    errors = body.get("errors")
    entry = errors[0] if isinstance(errors, list) and errors else body.get("error")
    if isinstance(entry, str):
        return _code(body.get("code")), entry
    if isinstance(entry, dict):
        message = str(entry.get("message") or "")
        for link in _list(entry.get("error_chain")):  # [REC] the edge says what is wrong with a header here
            message += f" ({link.get('message')})" if isinstance(link, dict) else ""
        return _code(entry.get("code")), message
    if "internalCode" in body:
        return _code(body["internalCode"]), str(body.get("description") or body.get("message") or "")
    return None


def _code(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError
