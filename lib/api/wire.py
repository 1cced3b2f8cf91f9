"""Encode requests as JSON and decode answers, with a source for every quirk. Only this module sees raw dicts.

Sources: [REC] recorded from the live API, [DOC] Cloudflare's documentation or SDK, [TEST] the fixture of a client
library. The transcripts in tests/ hold each variant.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from lib.api.events import Event, Finished, ReasoningDelta, TextDelta, ToolCallDelta
from lib.api.request import Messages, Prompt, Request, Turn
from lib.errors import PaddockError, Unintelligible, refusal, unrecognised_reply
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.request_options import Tool
from lib.model.usage import Usage

DONE = "[DONE]"

# A day. Python cannot wait for longer than 292 years, and no server means that.
MAX_RETRY_AFTER = 86_400.0

GARBLED_ADVICE = (
    "Retry. If it stays, check CLOUDFLARE_BASE_URL and anything between here and Cloudflare, such as a proxy."
)


def encode_request(request: Request) -> dict[str, Any]:
    """Return the JSON body of a request, in the order of the documented schema."""
    body: dict[str, Any]
    match request.input:
        case Messages(turns):
            body = {"messages": [_encode_turn(turn) for turn in turns]}
            if request.input.functions:
                body["functions"] = [asdict(function) for function in request.input.functions]
            if request.input.tools:
                body["tools"] = [encode_tool(tool) for tool in request.input.tools]
        case Prompt(text):
            body = {"prompt": text}
            if request.input.lora:
                body["lora"] = request.input.lora
    if (format := request.response_format) is not None:
        body["response_format"] = {"type": format.type}
        if format.schema is not None:  # [DOC] the bare schema, without OpenAI's wrapper
            body["response_format"]["json_schema"] = json.loads(format.schema)
    if request.input.raw:
        body["raw"] = True
    if request.reject_if_busy:  # [DOC] developers.cloudflare.com/workers-ai/features/reject-if-busy
        body["options"] = {"rejectIfBusy": True}
    return body | {"stream": request.stream} | dict(request.parameters)


def encode_tool(tool: Tool) -> dict[str, Any]:
    """Return a tool in the one of the two documented shapes that it was written in."""
    parameters = json.loads(tool.parameters)
    flat = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": flat} if tool.nested else flat


def _encode_turn(turn: Turn) -> dict[str, Any]:
    # [REC] "content": null is refused (5006), so a message that only calls tools has an empty text.
    body: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in turn.calls
        ]
    if turn.call_id:
        body["tool_call_id"] = turn.call_id
    if turn.name:
        body["name"] = turn.name
    return body


def decode_event(data: str) -> Iterator[Event]:
    """Yield the events in one ``data:`` line of a stream. Raises a PaddockError for an error sent mid-stream."""
    if data == DONE:
        yield Finished()
        return
    yield from _decode_result(_parse_object(data, "an event"))


def decode_answer(text: str) -> Iterator[Event]:
    """Yield the events in an answer that was not streamed, with or without the API's envelope."""
    body = _parse_object(text, "the answer")
    if body.get("success") is False:
        raise decode_error(200, text, {})
    if "result" in body and "success" in body:
        body = body["result"] if isinstance(body["result"], dict) else {"response": body["result"]}
    events = list(_decode_result(body))
    if not events and not body.keys() & {"response", "choices", "tool_calls", "usage"}:
        # Such as the receipt of a request that waits, or a proxy's own JSON: no answer, and not an empty one.
        raise unrecognised_reply(200, "an unknown kind of JSON" if body else "nothing")
    yield from events
    yield Finished()


def decode_error(status: int | None, text: str, headers: Mapping[str, str]) -> PaddockError:
    """Return the error for a refusal's HTTP status, body (JSON envelope, HTML, anything) and headers."""
    wait = parse_retry_after(headers.get("retry-after"))
    body = _parse_json(text)
    first = _first_error(body) if isinstance(body, dict) else None
    if first is None and isinstance(body, dict) and (status is None or status >= 400):
        first = _plain_error(body)
    if first is not None:
        code, message = first
        return refusal(status, code, message, wait)
    if isinstance(body, dict) or not text.strip():
        if status is not None and status < 300:
            return unrecognised_reply(status, "an unknown kind of JSON" if body else "nothing", wait)
        return refusal(status, None, "", wait)
    html = "<html" in text[:2000].lower() or "<!doctype" in text[:200].lower()
    return unrecognised_reply(status, "a web page" if html else "something that is not JSON", wait)


def is_json_object(text: str) -> bool:
    """Return True for a JSON object that is complete."""
    return isinstance(_parse_json(text), dict)


def is_success(text: str) -> bool:
    """Return True for the API's envelope around a success."""
    body = _parse_json(text)
    return isinstance(body, dict) and body.get("success") is True


def envelope_result(text: str) -> Any:
    """Return the result in the API's envelope, or None."""
    body = _parse_json(text)
    return body.get("result") if isinstance(body, dict) else None


def parse_retry_after(value: str | None, now: float | None = None) -> float | None:
    """Return the seconds in a Retry-After header, which holds a number or an HTTP date; None for anything else."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, TypeError, LookupError, OverflowError):
            return None
        # parsedate_to_datetime gives no zone for "-0000"; HTTP dates are in UTC.
        date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        seconds = date.timestamp() - (time.time() if now is None else now)
    return min(max(0.0, seconds), MAX_RETRY_AFTER) if math.isfinite(seconds) else None


def _parse_json(text: str) -> Any:
    """Return the JSON value, or None for malformed JSON. Decimals keep a number's digits; NaN becomes a text."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=str)
    except (ValueError, RecursionError, ArithmeticError):
        return None


def _parse_object(text: str, what: str) -> dict[str, Any]:
    body = _parse_json(text)
    if not isinstance(body, dict):
        # sseclient-py delivers the incomplete end of a broken stream as an event; lib.api.sse tells the two apart.
        raise Unintelligible(f"The server sent {what} that is not JSON.", advice=GARBLED_ADVICE)
    return body


def _decode_result(body: dict[str, Any]) -> Iterator[Event]:
    if body.get("error") or body.get("errors") or body.get("internalCode"):
        # No error in mid-stream has been recorded; these are the shapes of errors elsewhere.
        code, message = _first_error(body) or (None, "")
        raise refusal(None, code, message)
    reason = body.get("finish_reason")
    # A server may send both shapes of the same answer.
    text, calls = list(_decode_text(body.get("response"))), list(_decode_tool_calls(body))
    yield from text
    yield from calls
    for choice in map(_as_dict, _as_list(body.get("choices"))[:1]):
        # [REC] newer models on the same path send OpenAI's chunks; a whole answer has "message" for "delta"
        delta = _as_dict(choice.get("delta")) or _as_dict(choice.get("message"))
        if isinstance(thought := delta.get("reasoning_content"), str) and thought:
            yield ReasoningDelta(replace_lone_surrogates(thought))
        if not text:
            yield from _decode_text(delta.get("content"))
        if not calls:
            yield from _decode_tool_calls(delta)
        reason = choice.get("finish_reason") or reason
    usage = _as_dict(body.get("usage"))
    yield from _decode_usage(usage)
    if isinstance(reason, str) and reason:  # some servers send "" with each event until the last
        yield Finished(reason)


def _decode_text(value: Any) -> Iterator[Event]:
    match value:
        case None | "":
            return  # [REC] null, and chunks without text
        case str():
            yield TextDelta(replace_lone_surrogates(value))
        case bool() | int() | Decimal():
            # [REC] a token that looks like a number is sent as one: {"response":6}
            yield TextDelta(json.dumps(value) if isinstance(value, bool) else str(value))
        case _:
            # [REC] JSON mode: the answer as an object or a list
            yield TextDelta(
                replace_lone_surrogates(json.dumps(value, ensure_ascii=False, default=_decimal_to_float))
            )


def _decode_tool_calls(holder: dict[str, Any]) -> Iterator[Event]:
    for position, call in enumerate(map(_as_dict, _as_list(holder.get("tool_calls")))):
        nested = call.get("function")
        function = nested if isinstance(nested, dict) else call
        name, arguments = function.get("name"), function.get("arguments")
        if arguments is None:
            arguments = ""
        elif not isinstance(arguments, str):  # [REC] flat shape: arguments is an object
            arguments = json.dumps(arguments, ensure_ascii=False, default=_decimal_to_float)
        if call.get("id") is None and name is None and not arguments:
            continue  # [TEST] the null finaliser after the pieces
        index = call.get("index")
        yield ToolCallDelta(
            index if isinstance(index, int) else position,
            _as_text(call.get("id")),
            _as_text(name),
            replace_lone_surrogates(arguments),
        )


def _decode_usage(usage: dict[str, Any]) -> Iterator[Usage]:
    """Yield the usage, or nothing if it is not known: tokens that are not counted are estimated, not free."""
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    prompt, completion, total = (_decode_count(usage.get(name)) for name in names)
    if total is not None and completion is None and prompt is not None:
        completion = max(total - prompt, 0)
    elif total is not None and prompt is None and completion is not None:
        prompt = max(total - completion, 0)
    if prompt is None or completion is None:
        return
    cached = _as_dict(usage.get("prompt_tokens_details")).get("cached_tokens")
    neurons = usage.get("neurons")
    yield Usage(
        prompt,
        completion,
        _decode_count(cached) or 0,
        Decimal(neurons) if neurons is not None and _is_reasonable(neurons) else None,
    )


def _decode_count(value: Any) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value, re.ASCII):
        return int(value)
    return int(value) if _is_reasonable(value) else None


def _is_reasonable(value: Any) -> bool:
    # The limits stop a hostile 1e999999 or 1e-999999, whose digits would fill the memory.
    is_number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return is_number and (value == 0 or Decimal("1e-30") < value < 10**12)


def _first_error(body: dict[str, Any]) -> tuple[int | None, str] | None:
    """Return the code and message of the first error in any recorded shape: a list, an object, or internalCode."""
    errors = body.get("errors") or body.get("error")  # AI Gateway itself writes "error", with a list in it
    entry = errors[0] if isinstance(errors, list) and errors else body.get("error")
    if isinstance(entry, str):
        return _parse_error_code(body.get("code")), replace_lone_surrogates(entry)
    if isinstance(entry, dict):
        message = str(entry.get("message") or "")
        for link in _as_list(entry.get("error_chain")):  # [REC] the edge explains a bad header here
            message += f" ({link.get('message')})" if isinstance(link, dict) else ""
        return _parse_error_code(entry.get("code")), replace_lone_surrogates(message)
    if "internalCode" in body:
        return _parse_error_code(body["internalCode"]), replace_lone_surrogates(
            str(body.get("description") or body.get("message") or "")
        )
    return None


def _plain_error(body: dict[str, Any]) -> tuple[int | None, str] | None:
    """Return the code and message of an error that is not in a list or an object of its own, as gateways write it."""
    message = next((body[name] for name in ("message", "detail") if isinstance(body.get(name), str)), None)
    if message is None:
        return None
    return _parse_error_code(body.get("code")), replace_lone_surrogates(message)


def _parse_error_code(value: Any) -> int | None:
    return int(value) if re.fullmatch(r"[0-9]{1,6}", str(value), re.ASCII) else None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_text(value: Any) -> str | None:
    return replace_lone_surrogates(value) if isinstance(value, str) else None


def _decimal_to_float(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError
