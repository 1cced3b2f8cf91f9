"""Tools and functions: read from JSON text in both documented shapes, checked against the schema, written again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from lib.errors import BadInput
from lib.jsonkit import json_text
from lib.jsonkit.json_reader import MAX_NUMBER, Node
from lib.jsonkit.json_schema import BadSchema, CheckedSchema, parse_schema
from lib.jsonkit.json_text import Bounds, UnusableJson
from lib.jsonkit.json_validation import find_failures as check_value
from lib.jsonkit.json_wording import describe_kind
from lib.jsonkit.surrogates import find_surrogate
from lib.model import model_record
from lib.model.request_options import Function, Tool

MAX_CHARS = 100_000  # of JSON text: with more, nothing else would fit the context
MAX_TOOLS = 128
MAX_NAME_CHARS = 64
MAX_FAULTS = 20  # faults of one tool
_BOUNDS = Bounds(MAX_CHARS, depth=64, number=MAX_NUMBER)

_NAME = re.compile("[A-Za-z0-9_-]+")
_MEND = "Change it there; until then nothing of this text is used."
_KEYS = ("name", "description", "parameters")
# Stands for the parameters until the text around it is made.
_HOLE = "\0{}\0"


@dataclass(frozen=True)
class ToolFault:
    """What is wrong with one of several: ``number`` counts from 0, ``part`` is one of its fields or empty.

    ``message`` is a whole sentence that names the place inside the tool.
    """

    number: int
    part: str
    message: str


def read_tools(text: str) -> tuple[Tool, ...]:
    """The tools in JSON text: one or a list, each flat or nested. Raises BadInput, which says where."""
    found = tuple(_tool(number, node) for number, node in enumerate(_entries(text)))
    check_tools(found)
    return found


def write_tools(tools: Sequence[Tool]) -> str:
    """The tools as a JSON list, each in its own shape. Parameters that are no JSON stand there as they are."""
    return _written([encode_tool(tool, _HOLE.format(number)) for number, tool in enumerate(tools)], tools)


def encode_tool(tool: Tool, parameters: Any) -> dict[str, Any]:
    """A tool as the API takes it, with these parameters in the place of its own."""
    core = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": core} if tool.nested else core


def check_tools(tools: Sequence[Tool]) -> None:
    """Raises BadInput for the first fault, and says how many there are."""
    if len(tools) > MAX_TOOLS:
        raise BadInput(f"There are {len(tools):,} tools, more than {MAX_TOOLS}.", advice="Take some away.")
    _raise_first(find_tool_faults(tools), tools)


def find_tool_faults(tools: Sequence[Tool]) -> tuple[ToolFault, ...]:
    """Everything that is wrong with them, in order."""
    found = _twice([tool.name for tool in tools])
    for number, tool in enumerate(tools):
        found += [ToolFault(number, part, message) for part, message in _tool_faults(tool)]
    return tuple(sorted(found, key=lambda fault: fault.number))


def find_function_faults(functions: Sequence[Function], tools: Sequence[Tool] = ()) -> tuple[ToolFault, ...]:
    """Everything that is wrong with them, in order."""
    found = _twice([one.name for one in functions])
    names = {tool.name for tool in tools}
    for number, one in enumerate(functions):
        found += [ToolFault(number, part, message) for part, message in _name_faults(one.name)]
        if one.name in names:
            found.append(ToolFault(number, "name", f"There is a tool of the name “{one.name}” already."))
        if not one.code.strip():
            found.append(ToolFault(number, "code", "The code is empty."))
        found += [ToolFault(number, part, text) for part, text in _text_faults({"code": one.code})]
    if sum(len(one.name) + len(one.code) for one in functions) > MAX_CHARS:
        found.append(
            ToolFault(len(functions) - 1, "code", f"The functions have more than {MAX_CHARS:,} characters.")
        )
    return tuple(sorted(found, key=lambda fault: fault.number))


def parse_json(text: str, what: str = "The text") -> Node:
    """The value in JSON text that somebody typed or a model wrote. Raises BadInput with line and column."""
    try:
        return Node(json_text.parse(text, what, _BOUNDS))
    except UnusableJson as error:
        raise BadInput(error.message, advice=error.advice or _MEND) from None


def _entries(text: str) -> list[Node]:
    if not text.strip():
        raise BadInput("There is no text: no tool is an empty list, [].", advice=_MEND)
    root = parse_json(text)
    entries = list(root.items()) if isinstance(root.value, list) else [root]
    if len(entries) > MAX_TOOLS:
        raise BadInput(f"There are {len(entries):,} tools, more than {MAX_TOOLS}.", advice="Take some away.")
    for node in entries:
        if not isinstance(node.value, dict):
            raise BadInput(
                f"{node.path} must be a tool, an object, not {describe_kind(node.value)}.", advice=_MEND
            )
    return entries


@cache
def _documented(*, nested: bool) -> CheckedSchema:
    """What the model's documented schema says of a tool in that shape."""
    messages = next(
        shape
        for shape in model_record.default_model().input_schema["oneOf"]
        if "tools" in shape["properties"]
    )
    shapes = messages["properties"]["tools"]["items"]["oneOf"]
    return parse_schema(
        json.dumps(next(shape for shape in shapes if ("function" in shape["properties"]) is nested))
    )


def _tool(number: int, node: Node) -> Tool:
    """The tool that stands there, fit for ``faults``: everything that a Tool cannot hold is refused here."""
    nested = "function" in node
    for failure in check_value(node.value, _documented(nested=nested)):
        said = failure.to_sentence("it")
        raise BadInput(f"Tool {number + 1}: {said} The documented schema asks for that.", advice=_MEND)
    core = node["function"] if nested else node
    _only(core, _KEYS)
    if nested:
        _only(node, ("type", "function"))
        if node.value["type"] != "function":
            raise BadInput(f"Tool {number + 1}: type must be “function”.", advice=_MEND)
    value = core.value
    return Tool(value["name"], value["description"], _dumped(value["parameters"]), nested)


def _only(node: Node, keys: tuple[str, ...]) -> None:
    for key, below in node.fields():
        if key not in keys:
            raise BadInput(
                f"{below.path} is not known: the documented schema has {', '.join(keys)} there.", advice=_MEND
            )


@lru_cache(MAX_TOOLS)
def _tool_faults(tool: Tool) -> tuple[tuple[str, str], ...]:
    """What is wrong with one: the part and a sentence. Kept, for a form asks again at every touch of it."""
    found = [*_name_faults(tool.name), *_text_faults({"description": tool.description})]
    try:
        parameters = parse_json(tool.parameters, "The text of the parameters").value
        value = encode_tool(replace(tool, nested=False), parameters)
        told = [one.to_sentence("it") for one in check_value(value, _documented(nested=False))[:MAX_FAULTS]]
        if not told and parameters["type"] != "object":
            told = ["parameters.type must be “object”: a call's arguments are one."]
        if not told:
            parse_schema(tool.parameters)
    except BadSchema as error:
        told = [
            f"parameters{error.path[1:]} {error.reason}. {error.advice}" if error.reason else error.message
        ]
    except BadInput as error:
        told = [error.message]
    return (*found, *(("parameters", message.strip()) for message in told))


def _name_faults(name: str) -> Iterator[tuple[str, str]]:
    if not name:
        yield "name", "The name is empty: a model calls it by its name."
    elif len(name) > MAX_NAME_CHARS:
        yield "name", f"The name has {len(name):,} characters, more than {MAX_NAME_CHARS}."
    elif not _NAME.fullmatch(name):
        yield "name", "A name is made of the letters A to Z, digits, “_” and “-”, without spaces."


def _text_faults(parts: dict[str, str]) -> Iterator[tuple[str, str]]:
    for part, text in parts.items():
        if find_surrogate(text) is not None:
            yield part, f"The {part} holds half a character (a lone surrogate)."
        if part == "description" and len(text) > MAX_CHARS:
            yield part, f"The {part} has {len(text):,} characters, more than {MAX_CHARS:,}."


def _twice(names: Sequence[str]) -> list[ToolFault]:
    return [
        ToolFault(number, "name", f"There is another of the name “{name}”.")
        for number, name in enumerate(names)
        if name and name in names[:number]
    ]


def _raise_first(found: Sequence[ToolFault], tools: Sequence[Tool]) -> None:
    if not found:
        return
    first = found[0]
    name = tools[first.number].name
    known = f" “{name}”" if _NAME.fullmatch(name) and len(name) <= MAX_NAME_CHARS else ""
    more = f" ({len(found) - 1} more to mend.)" if len(found) > 1 else ""
    raise BadInput(f"Tool {first.number + 1}{known}: {first.message}{more}", advice=_MEND)


def _written(entries: list[dict[str, Any]], tools: Sequence[Tool]) -> str:
    text = _pretty(entries)
    for number, tool in enumerate(tools):
        hole = json.dumps(_HOLE.format(number))
        line = next(line for line in text.splitlines() if hole in line)
        text = text.replace(hole, _indented(tool.parameters, len(line) - len(line.lstrip())), 1)
    return text


def _indented(parameters: str, by: int) -> str:
    try:
        value = parse_json(parameters).value
    except BadInput:
        return parameters
    return _pretty(value).replace("\n", "\n" + " " * by)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
