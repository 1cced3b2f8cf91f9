"""The tools of a request: read in both documented shapes, told to the model, and its calls read back.

Chat templates that know nothing of tools (the shipped model's) get them as text: tools in the system message, a
call as ``{"name": …, "arguments": …}`` on a line of its own, its result as what the user says.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.twin import function_tools, user_schema
from lib.twin.api_errors import TwinApiError, bad_input
from lib.twin.engine import EndPiece, Piece, TextPiece, ToolCallPiece
from lib.twin.schema_grammar import GrammarBuilder, dump_json, quote_terminal
from lib.twin.user_schema import UserSchema

MAX_TOOLS, MAX_TOOL_NAME = 128, 128
MAX_ARGUMENT_CHARS = 200  # characters for the strings of a call's arguments that have no bound of their own
NO_PARAMETERS: Mapping[str, Any] = {"type": "object", "properties": {}}


@dataclass(frozen=True)
class OfferedTool:
    """``told``: what the model reads about it, as JSON. ``parameters``: what its arguments must fit."""

    name: str
    description: str
    parameters: UserSchema
    code: str = ""

    @property
    def prompt_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"name": self.name, "description": self.description or None}
        told |= {"parameters": None, "code": self.code} if self.code else {"parameters": self.parameters.sent}
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class ToolChoice:
    """Who decides: the model (``may`` and not ``must``), or the request. ``only``: the one tool it names."""

    may_call: bool = True
    must_call: bool = False
    only_tool: str | None = None


def read_tools(body: Mapping[str, Any]) -> tuple[OfferedTool, ...]:
    """The tools and functions that a body offers. Raises RefusedError."""
    offered = [_tool(tool, f"/tools/{at}") for at, tool in enumerate(_listed(body, "tools"))]
    for at, function in enumerate(_listed(body, "functions")):
        name, code = function.get("name"), function.get("code")
        parameters = user_schema.read_schema(function_tools.parse_parameters(str(code)), f"/functions/{at}")
        offered.append(OfferedTool(_name(name, f"/functions/{at}/name"), "", parameters, str(code)))
    if len(offered) > MAX_TOOLS:
        raise _refused("/tools", f"at most {MAX_TOOLS} tools and functions together")
    names = [tool.name for tool in offered]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise _refused("/tools", f"two of them are named '{double}'")
    return tuple(offered)


def read_tool_choice(body: Mapping[str, Any], tools: Sequence[OfferedTool]) -> ToolChoice:
    """What ``tool_choice`` says. Raises RefusedError."""
    asked = body.get("tool_choice")
    if asked in (None, "auto"):
        return ToolChoice(may_call=bool(tools))
    if asked == "none":
        return ToolChoice(may_call=False)
    function = asked.get("function") if isinstance(asked, dict) else None
    name = (function if isinstance(function, dict) else asked if isinstance(asked, dict) else {}).get("name")
    if asked != "required" and not isinstance(name, str):
        words = "'auto', 'none', 'required' or {'type': 'function', 'function': {'name': …}}"
        raise _refused("/tool_choice", f"must be {words}")
    if name is not None and name not in [tool.name for tool in tools]:
        raise _refused("/tool_choice", f"none of the tools is named '{name}'")
    if not tools:
        raise _refused("/tool_choice", "there are no tools to choose from")
    return ToolChoice(must_call=True, only_tool=name)


def _refused(where: str, reason: str) -> TwinApiError:
    return TwinApiError(bad_input(f"'{where}': {reason}"))


def _listed(body: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    listed = body.get(name) or []
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise _refused(f"/{name}", "must be a list of objects")
    return listed


def _tool(tool: Mapping[str, Any], where: str) -> OfferedTool:
    nested = "function" in tool
    inner = tool["function"] if nested else tool
    where += "/function" if nested else ""
    if not isinstance(inner, dict):
        raise _refused(where, "must be an object")
    parameters = inner.get("parameters")
    taken = user_schema.read_schema(
        NO_PARAMETERS if parameters is None else parameters, f"{where}/parameters"
    )
    kinds = taken.resolved.get("type", "object") if isinstance(taken.resolved, dict) else "object"
    if kinds != "object":
        raise _refused(f"{where}/parameters/type", "must be 'object': arguments have names")
    return OfferedTool(_name(inner.get("name"), f"{where}/name"), str(inner.get("description") or ""), taken)


def _name(name: Any, where: str) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_TOOL_NAME:
        raise _refused(where, f"must be a name of 1 to {MAX_TOOL_NAME} characters")
    return name


def tool_instructions(tools: Sequence[OfferedTool]) -> str:
    """What the system message says about them."""
    listed = "\n".join(dump_json(tool.prompt_json) for tool in tools)
    return f'You can call these tools:\n{listed}\nTo call one, say {{"name": …, "arguments": {{…}}}}.'


def call_grammar(tool: OfferedTool, budget: int) -> str:
    """A call of it, in the words of the instructions. Raises ImpossibleError."""
    rules = GrammarBuilder([tool.parameters], min(budget, MAX_ARGUMENT_CHARS))
    wanted = tool.parameters.resolved
    arguments = rules.add_value({**wanted, "type": "object"} if isinstance(wanted, dict) else wanted)
    head = quote_terminal(f'{{"name": {dump_json(tool.name)}, "arguments": ')
    return rules.render(f'{head} {arguments} "}}"')


async def called(pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[Piece, None]:
    """The pieces of a call that was said as text: one Call. If it was cut off, it stays the text that it is."""
    said = ""
    async for piece in pieces:
        match piece:
            case TextPiece(text):
                said += text
            case ToolCallPiece():
                yield piece
            case EndPiece():
                if call := _call(said):
                    yield call
                elif said:
                    yield TextPiece(said)
                yield piece


def _call(said: str) -> ToolCallPiece | None:
    try:
        told = json.loads(said)
        return ToolCallPiece(new_call_id(), told["name"], dump_json(told["arguments"]))
    except (ValueError, KeyError, TypeError):
        return None


def new_call_id() -> str:
    """A call's id, as OpenAI makes them."""
    return f"call_{secrets.token_hex(12)}"
