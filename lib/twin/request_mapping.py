"""Turn a validated request into a job for the engine, and an OpenAI request into a native one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lib.model.model_record import Model
from lib.twin.api_errors import TwinApiError, bad_input, field_error
from lib.twin.generation import GenerationJob
from lib.twin.request_limits import MAX_STOP_CHARS, MAX_STOP_TEXTS
from lib.twin.request_validation import validate_body
from lib.twin.tool_messages import messages_as_text

# OpenAI's fields that mean the same in the native request. Its other fields are ignored, as the native endpoint
# ignores properties that its schema does not know.
SHARED_FIELDS = (
    "messages",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "stream",
    "tools",
    "tool_choice",
    "functions",
    "response_format",
    "options",
)


def _prepare_turns(messages: list[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    turns = messages_as_text(messages)
    # The engine would continue an empty last message instead of answering.
    if len(turns) > 1 and turns[-1] == ("assistant", ""):
        del turns[-1]
    # The engine continues a last assistant message word for word, but takes only one of them.
    while len(turns) > 1 and turns[-1][0] == turns[-2][0] == "assistant":
        last = turns.pop()[1]
        turns[-1] = ("assistant", f"{turns[-1][1]}\n{last}")
    return tuple(turns)


def build_job(model: Model, body: Mapping[str, Any], stop: tuple[str, ...] = ()) -> GenerationJob:
    """Return the job of a validated body. Parameters that it leaves out get their documented or a neutral default."""
    values: dict[str, Any] = {}
    for parameter in model.parameters:
        value = body.get(parameter.name, parameter.default)
        if value is not None:
            values[parameter.name] = parameter.cast(value)
    options = body.get("options")
    values["reject_if_busy"] = isinstance(options, dict) and options.get("rejectIfBusy") is True
    if not body.get("raw"):
        messages = body.get("messages") or [{"role": "user", "content": body["prompt"]}]
        return GenerationJob(messages=_prepare_turns(messages), stop=stop, **values)
    prompt = body.get("prompt") or "".join(message["content"] for message in body["messages"])
    if not prompt:
        raise TwinApiError(bad_input("there is no text in '/messages' to continue"))
    return GenerationJob(prompt=prompt, stop=stop, **values)


def _join_content(content: Any) -> Any:
    """Join OpenAI's content parts. Other values stay as they are: the schema decides about them."""
    if content is None:
        return ""
    if isinstance(content, list) and all(isinstance(part, dict) and "text" in part for part in content):
        return "".join(str(part["text"]) for part in content)
    return content


def openai_to_native(body: Any) -> Any:
    """Return a chat completion request in the native form. The schema decides about a body that is no object."""
    if not isinstance(body, dict):
        return body
    shared = {name: body[name] for name in SHARED_FIELDS if body.get(name) is not None}
    for name in ("max_tokens", "max_completion_tokens"):
        if body.get(name) is not None:
            shared["max_tokens"] = body[name]
    # OpenAI's "text" means no JSON mode.
    if shared.get("response_format", {"type": "text"}) == {"type": "text"}:
        shared["response_format"] = {}
    if isinstance(messages := shared.get("messages"), list):
        shared["messages"] = [
            {**message, "content": _join_content(message.get("content"))}
            if isinstance(message, dict)
            else message
            for message in messages
        ]
    return shared


def validate_native(model: Model, body: Any) -> Mapping[str, Any]:
    """Validate a native request and return it. Raises TwinApiError.

    Tools need not fit the documented schema, which requires a type and a description of every parameter: clients that
    work with the live service (langchain-cloudflare) leave them out. ``lib.twin.request_tools`` checks tools.
    """
    if not isinstance(body, dict):
        return validate_body(model, body)
    tool_fields = {name: body[name] for name in ("tools", "tool_choice") if name in body}
    other_fields = {name: value for name, value in body.items() if name not in tool_fields}
    return {**validate_body(model, other_fields), **tool_fields}


def read_stop(body: Any) -> tuple[str, ...]:
    """Return the texts of OpenAI's ``stop``, which end the answer. Raises TwinApiError."""
    stop = body.get("stop") if isinstance(body, dict) else None
    if stop is None:
        return ()
    texts = [stop] if isinstance(stop, str) else stop
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise TwinApiError(bad_input("Type mismatch of '/stop', 'string' not in 'array'"))
    if len(texts) > MAX_STOP_TEXTS or max(map(len, texts), default=0) > MAX_STOP_CHARS:
        raise field_error("/stop", f"at most {MAX_STOP_TEXTS} texts of at most {MAX_STOP_CHARS:,} characters")
    return tuple(texts)
