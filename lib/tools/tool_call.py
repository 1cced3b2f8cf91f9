"""A call of a tool, as a model asked for it: its arguments, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from lib.errors import BadInput
from lib.jsonkit.json_schema import parse_schema
from lib.jsonkit.json_validation import find_failures
from lib.jsonkit.json_wording import describe_kind
from lib.model.request_options import Function, Tool, ToolCall
from lib.tools.tool_spec import parse_json

MAX_FAULTS = 20
NO_ARGUMENTS = ("", "null")  # how some models write that there are none


def parse_arguments(call: ToolCall) -> dict[str, Any]:
    """Its arguments. Raises BadInput where they are not the JSON text of an object."""
    if call.arguments.strip() in NO_ARGUMENTS:
        return {}
    value = parse_json(call.arguments, "The text of the arguments").value
    if not isinstance(value, dict):
        raise BadInput(f"The arguments must be an object, not {describe_kind(value)}.")
    return value


def find_called_tool(call: ToolCall, tools: Iterable[Tool]) -> Tool | None:
    """The tool that it asks for."""
    return next((tool for tool in tools if tool.name == call.name), None)


def find_call_faults(
    call: ToolCall, tools: Iterable[Tool], functions: Iterable[Function] = ()
) -> tuple[str, ...]:
    """Everything that is wrong with it, a sentence each; empty: nothing is.

    ``functions`` are those that the same request offered. They have no schema: any arguments will do.
    """
    known, own = tuple(tools), {one.name for one in functions}
    tool = find_called_tool(call, known)
    if tool is None and call.name not in own:
        names = ", ".join(f"“{name}”" for name in (*(tool.name for tool in known), *sorted(own)))
        have = f"The request offered {names}." if names else "The request offered none."
        return (f"There is no tool “{call.name[:64]}”. {have}",)
    try:
        parse_arguments(call)
    except BadInput as error:
        return (error.message,)
    if tool is None:
        return ()
    return _misfits(call, tool)


@lru_cache(maxsize=256)
def _misfits(call: ToolCall, tool: Tool) -> tuple[str, ...]:
    """Kept, for a page asks at every run of its script, and patterns may need a process that is waited for."""
    try:
        schema = parse_schema(tool.parameters)
    except BadInput as error:
        unusable = f"the parameters of “{tool.name[:64]}” cannot be used. {error.message}"
        return (f"The arguments cannot be checked: {unusable}",)
    try:
        found = find_failures(parse_arguments(call), schema)
    except BadInput as error:
        return (f"The arguments cannot be checked: {error.message}",)
    told = [one.to_sentence("The call") for one in found[:MAX_FAULTS]]
    return (*told, *(["And more."] if len(found) > MAX_FAULTS else []))
