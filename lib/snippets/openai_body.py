"""Convert a request body for Cloudflare's OpenAI-compatible endpoint, with remarks on what it cannot carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lib.snippets.snippet import SnippetRequest

# The endpoint has no field for these.
_UNSUPPORTED = ("lora", "raw")


@dataclass(frozen=True)
class OpenAIBody:
    """``body`` are the arguments of OpenAI's SDK, ``extra`` its ``extra_body``; ``remarks`` are for the user."""

    body: Mapping[str, Any]
    extra: Mapping[str, Any]
    remarks: tuple[str, ...]


def translate_body(call: SnippetRequest) -> OpenAIBody:
    """Convert the body of a request."""
    body = dict(call.body)
    remarks = []
    if "prompt" in body:
        body = {"messages": [{"role": "user", "content": body.pop("prompt")}], **body}
        remarks.append("This endpoint takes no prompt: it is sent as the message of a user.")
    if left := [name for name in _UNSUPPORTED if body.pop(name, None)]:
        clause = "it is" if len(left) == 1 else "they are"
        remarks.append(
            f"This endpoint has no field for {' and '.join(left)}: {clause} left out, and the answer differs."
        )
    if "tools" in body:
        body["tools"] = [_nested(tool) for tool in body["tools"]]
    if "response_format" in body:
        body["response_format"] = _name_schema(body["response_format"])
    # “functions” means something else to OpenAI: an older way to describe tools.
    foreign = call.not_in_openai | {"functions"}
    extra = {name: body.pop(name) for name in list(body) if name in foreign}
    return OpenAIBody(body, extra, tuple(remarks))


def _nested(tool: Any) -> Any:
    return tool if "function" in tool else {"type": "function", "function": tool}


def _name_schema(format: Any) -> Any:
    if "json_schema" not in format:
        return format
    return {**format, "json_schema": {"name": "answer", "schema": format["json_schema"]}}
