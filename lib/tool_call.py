"""A call of a tool, as a model asked for it: its arguments, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lib.errors import BadInput
from lib.features import Function, Tool, ToolCall
from lib.tool_schema import failures, has_pattern, kind
from lib.tools import parse_text

NO_ARGUMENTS = ("", "null")  # how some models write that there are none


def arguments(call: ToolCall) -> dict[str, Any]:
    """Its arguments. Raises BadInput where they are not the JSON text of an object."""
    if call.arguments.strip() in NO_ARGUMENTS:
        return {}
    value = parse_text(call.arguments, "The text of the arguments").value
    if not isinstance(value, dict):
        raise BadInput(f"The arguments must be an object, not {kind(value)}.")
    return value


def called(call: ToolCall, tools: Iterable[Tool]) -> Tool | None:
    """The tool that it asks for."""
    return next((tool for tool in tools if tool.name == call.name), None)


def check_call(call: ToolCall, tools: Iterable[Tool], functions: Iterable[Function] = ()) -> tuple[str, ...]:
    """Everything that is wrong with it, a sentence each; empty: nothing is.

    ``functions`` are those that the same request offered. They have no schema: any arguments will do.
    """
    known, own = tuple(tools), {one.name for one in functions}
    tool = called(call, known)
    if tool is None and call.name not in own:
        names = ", ".join(f"“{name}”" for name in (*(tool.name for tool in known), *sorted(own)))
        have = f"The request offered {names}." if names else "The request offered none."
        return (f"There is no tool “{call.name[:64]}”. {have}",)
    try:
        given = arguments(call)
    except BadInput as error:
        return (error.message,)
    if tool is None:
        return ()
    try:
        schema = parse_text(tool.parameters).value
    except BadInput:
        return (f"The arguments cannot be checked: the parameters of “{tool.name}” are not JSON.",)
    return failures(schema, given, "The call")


def leaves_unchecked(call: ToolCall, tools: Iterable[Tool]) -> bool:
    """Whether the tool's schema holds patterns, which ``check_call`` does not look at."""
    tool = called(call, tools)
    try:
        return tool is not None and has_pattern(parse_text(tool.parameters).value)
    except BadInput:
        return False
