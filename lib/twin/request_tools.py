"""Read the tools of a request, describe them to the model, and read its calls back.

Chat templates that know nothing of tools (the shipped model's) get them as text: the tools in the system message, a
call as ``{"name": …, "arguments": …}`` on a line of its own, and its result in the user's message.

The documented ``functions`` (a name and JavaScript code) are offered as tools. Cloudflare does not document what its
server does with them; its own helper runs the code on the caller's side. So the parameter names in the code are
parsed, the model is shown the code, and the answer is the call. The code is never run here.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lib.twin import bounded_schema, user_schema
from lib.twin.api_errors import field_error
from lib.twin.bounded_schema import dump_json
from lib.twin.generation import EndPiece, Pieces, TextPiece, ToolCallPiece
from lib.twin.json_mode import parse_json_text
from lib.twin.user_schema import UserSchema

MAX_TOOL_NAME = 128
# Characters for the strings of a call's arguments that have no limit of their own.
MAX_ARGUMENT_CHARS = 200
# Characters that are searched for a list of parameters.
MAX_FUNCTION_CODE = 4_000

_HEAD = re.compile(
    r"(?:\bfunction\b\s*\*?\s*[\w$]*\s*\((?P<named>[^()]*)\))"
    r"|(?:\((?P<arrow>[^()]*)\)\s*=>)"
    r"|(?:(?<![\w$.)])(?P<bare>[\w$]+)\s*=>)"
)
_PARAMETER = re.compile(r"(?:\.\.\.)?\s*([A-Za-z_$][\w$]*)")
NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


@dataclass(frozen=True)
class OfferedTool:
    """A tool of a request. ``parameters`` is the schema of its arguments; ``code`` is set for a function."""

    name: str
    description: str
    parameters: UserSchema
    code: str = ""

    @property
    def prompt_json(self) -> dict[str, Any]:
        """The tool as the model reads it in the prompt."""
        described = {"name": self.name}
        if self.description:
            described["description"] = self.description
        return described | ({"code": self.code} if self.code else {"parameters": self.parameters.sent})


def read_tools(body: Mapping[str, Any]) -> tuple[OfferedTool, ...]:
    """Return the tools and functions that a body offers. Raises TwinApiError."""
    offered = [_read_tool(tool, f"/tools/{index}") for index, tool in enumerate(_read_list(body, "tools"))]
    for index, function in enumerate(_read_list(body, "functions")):
        code = str(function.get("code"))
        parameters = user_schema.read_schema(parse_parameters(code), f"/functions/{index}")
        name = _read_name(function.get("name"), f"/functions/{index}/name")
        offered.append(OfferedTool(name, "", parameters, code))
    names = [tool.name for tool in offered]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise field_error("/tools", f"two of them are named '{repeated}'")
    return tuple(offered)


def _read_list(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    items = body.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise field_error(f"/{name}", "must be a list of objects")
    return items


def _read_tool(tool: Mapping[str, Any], where: str) -> OfferedTool:
    is_nested = "function" in tool
    inner = tool["function"] if is_nested else tool
    where += "/function" if is_nested else ""
    if not isinstance(inner, dict):
        raise field_error(where, "must be an object")
    sent = inner.get("parameters")
    parameters = user_schema.read_schema(NO_PARAMETERS if sent is None else sent, f"{where}/parameters")
    resolved = parameters.resolved
    if isinstance(resolved, dict) and resolved.get("type", "object") != "object":
        raise field_error(f"{where}/parameters/type", "must be 'object': arguments have names")
    name = _read_name(inner.get("name"), f"{where}/name")
    return OfferedTool(name, str(inner.get("description") or ""), parameters)


def _read_name(name: Any, where: str) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_TOOL_NAME:
        raise field_error(where, f"must be a name of 1 to {MAX_TOOL_NAME} characters")
    return name


def parse_parameters(code: str) -> dict[str, Any]:
    """Return a schema for a function's arguments: any names if the code has no readable parameters."""
    uncommented = re.sub(r"/\*.*?\*/|//[^\n]*", "", code[:MAX_FUNCTION_CODE], flags=re.DOTALL)
    # With long runs of spaces, the search would take forever.
    head = _HEAD.search(re.sub(r"\s+", " ", uncommented))
    if head is None:
        return {"type": "object", "additionalProperties": True}
    listed = next(group for group in head.groups() if group is not None).strip()
    # One parameter that is a destructured object.
    if re.fullmatch(r"\{.*\}(\s*=.*)?", listed, re.DOTALL):
        listed = listed[1 : listed.rindex("}")]
    is_required: dict[str, bool] = {}
    for part in _split_at_commas(listed):
        if match := _PARAMETER.match(part.strip()):
            is_required[match[1]] = "=" not in part and not part.strip().startswith("...")
    value = {"type": ["string", "number", "boolean"]}
    required = [name for name, needed in is_required.items() if needed]
    schema: dict[str, Any] = {"type": "object", "properties": dict.fromkeys(is_required, value)}
    return {**schema, "required": required, "additionalProperties": False}


def _split_at_commas(listed: str) -> list[str]:
    """Split at the commas outside of brackets."""
    parts, depth = [""], 0
    for character in listed:
        depth += (character in "{[(") - (character in "}])")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]


def tool_instructions(tools: Sequence[OfferedTool]) -> str:
    """Return the text for the system message."""
    listed = "\n".join(dump_json(tool.prompt_json) for tool in tools)
    return f'You can call these tools:\n{listed}\nTo call one, say {{"name": …, "arguments": {{…}}}}.'


def call_schema(tool: OfferedTool, string_chars: int) -> dict[str, Any]:
    """Return the schema of a call in the form that the instructions give.

    Raises UnsatisfiableSchemaError, RecursionError.
    """
    parameters = tool.parameters
    if isinstance(parameters.resolved, dict):
        resolved = {**parameters.resolved, "type": "object"}
        # A tool without parameters: nothing is to be made up for it.
        if not any(value for name, value in resolved.items() if name != "type"):
            resolved["additionalProperties"] = False
        parameters = replace(parameters, resolved=resolved)
    arguments = bounded_schema.narrow_schema(parameters, min(string_chars, MAX_ARGUMENT_CHARS))
    return {
        "type": "object",
        "properties": {"name": {"const": tool.name}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


async def parse_call_pieces(pieces: Pieces) -> Pieces:
    """Turn the text of a call into a ToolCallPiece. If the call was cut off, its text stays text."""
    text = ""
    async for piece in pieces:
        match piece:
            case TextPiece(more):
                text += more
            case ToolCallPiece():
                yield piece
            case EndPiece():
                if call := _parse_call(text):
                    yield call
                elif text:
                    yield TextPiece(text)
                yield piece


def _parse_call(text: str) -> ToolCallPiece | None:
    try:
        call = parse_json_text(text)
        return ToolCallPiece(new_call_id(), call["name"], dump_json(call["arguments"]))
    except (ValueError, KeyError, TypeError):
        return None


def new_call_id() -> str:
    """Return a call's id in OpenAI's format."""
    return f"call_{secrets.token_hex(12)}"
