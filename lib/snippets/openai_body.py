"""A body in OpenAI's shape: what its endpoint at Cloudflare takes, what it does not, and what is said about that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.snippets.snippet import SnippetRequest

# What the endpoint has no field for.
_LEFT_OUT = ("lora", "raw")


@dataclass(frozen=True)
class OpenAIBody:
    """The arguments that OpenAI's SDK knows, those that it sends on unread, and what is not as it was."""

    body: Mapping[str, Any]
    extra: Mapping[str, Any]
    remarks: tuple[str, ...]


def translate_body(call: SnippetRequest) -> OpenAIBody:
    """The call in OpenAI's shape."""
    body = dict(call.body)
    remarks = []
    if "prompt" in body:
        body = {"messages": [{"role": "user", "content": body.pop("prompt")}], **body}
        remarks.append("This endpoint takes no prompt: it is sent as the message of a user.")
    if left := [name for name in _LEFT_OUT if body.pop(name, None)]:
        it = "it is" if len(left) == 1 else "they are"
        remarks.append(
            f"This endpoint has no field for {' and '.join(left)}: {it} left out, and the answer differs."
        )
    if "tools" in body:
        body["tools"] = [_nested(tool) for tool in body["tools"]]
    if "response_format" in body:
        body["response_format"] = _wrapped(body["response_format"])
    # OpenAI's own “functions” is something else: an older way of describing tools.
    foreign = call.not_in_openai | {"functions"}
    extra = {name: value for name, value in body.items() if name in foreign}
    return OpenAIBody(
        {name: value for name, value in body.items() if name not in foreign}, extra, tuple(remarks)
    )


def _nested(tool: Any) -> Any:
    return tool if "function" in tool else {"type": "function", "function": tool}


def _wrapped(format: Any) -> Any:
    if "json_schema" not in format:
        return format
    return {**format, "json_schema": {"name": "answer", "schema": format["json_schema"]}}
