"""A checked request in the engine's terms; and a request of the OpenAI shape in the native one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lib.model.model_record import Model
from lib.twin.api_errors import TwinApiError, bad_input
from lib.twin.engine import GenerationJob
from lib.twin.request_validation import validate_body
from lib.twin.tool_messages import messages_as_text

# OpenAI's names that mean the same here. The rest of its request has no counterpart and is ignored,
# as the native endpoint ignores properties that its schema does not know.
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
)


def _messages(messages: list[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    turns = messages_as_text(messages)
    if len(turns) > 1 and turns[-1] == ("assistant", ""):
        del turns[-1]  # to continue nothing is to answer
    # The engine continues a last message of the assistant's word for word, but takes only one of them.
    while len(turns) > 1 and turns[-1][0] == turns[-2][0] == "assistant":
        last = turns.pop()[1]
        turns[-1] = ("assistant", f"{turns[-1][1]}\n{last}")
    return tuple(turns)


def build_job(model: Model, body: Mapping[str, Any], stop: tuple[str, ...] = ()) -> GenerationJob:
    """The generation that a checked body asks for. What it leaves out is the documented default, or neutral."""
    values: dict[str, Any] = {}
    for parameter in model.parameters:
        value = body.get(parameter.name, parameter.default)
        if value is not None:
            values[parameter.name] = parameter.cast(value)
    if not body.get("raw"):
        messages = body.get("messages") or [{"role": "user", "content": body["prompt"]}]
        return GenerationJob(messages=_messages(messages), stop=stop, **values)
    prompt = body.get("prompt") or "".join(message["content"] for message in body["messages"])
    if not prompt:
        raise TwinApiError(bad_input("there is no text in '/messages' to continue"))
    return GenerationJob(prompt=prompt, stop=stop, **values)


def _content(content: Any) -> Any:
    """OpenAI's parts of a content as one text; anything else as it is, for the schema to judge."""
    if content is None:
        return ""
    if isinstance(content, list) and all(isinstance(part, dict) and "text" in part for part in content):
        return "".join(str(part["text"]) for part in content)
    return content


def _format(asked: Any) -> Any:
    """OpenAI's ``response_format`` as the native one: its ``text`` means no JSON mode."""
    return {} if asked == {"type": "text"} else asked


def openai_to_native(body: Any) -> Any:
    """A chat completion request in the native shape. What is not an object is left for the schema to judge."""
    if not isinstance(body, dict):
        return body
    shared = {name: body[name] for name in SHARED_FIELDS if body.get(name) is not None}
    cap = body.get("max_completion_tokens")
    if (cap := body.get("max_tokens") if cap is None else cap) is not None:
        shared["max_tokens"] = cap
    shared["response_format"] = _format(shared.get("response_format", {}))
    if isinstance(messages := shared.get("messages"), list):
        shared["messages"] = [
            {**message, "content": _content(message.get("content"))} if isinstance(message, dict) else message
            for message in messages
        ]
    return shared


def validate_native(model: Model, body: Any) -> Mapping[str, Any]:
    """A request in the native shape, checked. Raises RefusedError.

    Its tools need not keep to the documented schema, which wants a type and a description of every parameter: clients
    that work with the live service (langchain-cloudflare) leave them out. ``lib.twin.request_tools`` checks them.
    """
    apart = {name: body[name] for name in ("tools", "tool_choice") if isinstance(body, dict) and name in body}
    rest = {name: body[name] for name in body if name not in apart} if isinstance(body, dict) else body
    return {**validate_body(model, rest), **apart}


def read_stop(body: Any) -> tuple[str, ...]:
    """OpenAI's ``stop``: texts that end the answer."""
    stop = body.get("stop") if isinstance(body, dict) else None
    if stop is None:
        return ()
    texts = [stop] if isinstance(stop, str) else stop
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise TwinApiError(bad_input("Type mismatch of '/stop', 'string' not in 'array'"))
    return tuple(texts)
