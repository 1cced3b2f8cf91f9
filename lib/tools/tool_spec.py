"""Tools and functions: parse them from JSON in both documented shapes, find their faults, write them as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Sequence
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

MAX_CHARS = 100_000  # of JSON text: more would fill the context window
MAX_TOOLS = 128
MAX_NAME_CHARS = 64
MAX_FAULTS = 20  # of one tool
_BOUNDS = Bounds(MAX_CHARS, depth=64, number=MAX_NUMBER)

_NAME = re.compile("[A-Za-z0-9_-]+")
_MEND = "Correct it. Until then this text is not used."
_KEYS = ("name", "description", "parameters")
# Stands for the parameters until the text around them is written.
_PLACEHOLDER = "\0{}\0"


@dataclass(frozen=True)
class ToolFault:
    """A fault of one of several tools or functions; ``number`` counts from 0, ``part`` is the field.

    ``message`` is a sentence that names the place inside the tool.
    """

    number: int
    part: str
    message: str


def read_tools(text: str) -> tuple[Tool, ...]:
    """Parse a tool or a list of tools, each flat or nested. Raises BadInput, which names the place."""
    tools = tuple(_parse_tool(number, node) for number, node in enumerate(_entries(text)))
    check_tools(tools)
    return tools


def write_tools(tools: Sequence[Tool]) -> str:
    """Return the tools as a JSON list, each in its own shape. Parameters that are not JSON are copied as they are."""
    encoded = [encode_tool(tool, _PLACEHOLDER.format(number)) for number, tool in enumerate(tools)]
    text = _dump_indented(encoded)
    for number, tool in enumerate(tools):
        placeholder = json.dumps(_PLACEHOLDER.format(number))
        line = next(line for line in text.splitlines() if placeholder in line)
        text = text.replace(placeholder, _indent_json(tool.parameters, len(line) - len(line.lstrip())), 1)
    return text


def encode_tool(tool: Tool, parameters: Any) -> dict[str, Any]:
    """Return a tool as the API takes it, with these parameters instead of its own."""
    core = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": core} if tool.nested else core


def check_tools(tools: Sequence[Tool]) -> None:
    """Raise BadInput for the first fault; the message has the number of faults."""
    if len(tools) > MAX_TOOLS:
        raise BadInput(f"There are {len(tools):,} tools, more than {MAX_TOOLS}.", advice="Remove some.")
    _raise_first(find_tool_faults(tools), tools)


def find_tool_faults(tools: Sequence[Tool]) -> tuple[ToolFault, ...]:
    """Return all faults of the tools, in their order."""
    faults = _duplicate_names([tool.name for tool in tools])
    for number, tool in enumerate(tools):
        faults += [ToolFault(number, part, message) for part, message in _tool_faults(tool)]
    return tuple(sorted(faults, key=lambda fault: fault.number))


def find_function_faults(functions: Sequence[Function], tools: Sequence[Tool] = ()) -> tuple[ToolFault, ...]:
    """Return all faults of the functions, in their order. A function may not have the name of a tool."""
    faults = _duplicate_names([function.name for function in functions])
    names = {tool.name for tool in tools}
    for number, function in enumerate(functions):
        faults += [ToolFault(number, part, message) for part, message in _function_faults(function, names)]
    if sum(len(function.name) + len(function.code) for function in functions) > MAX_CHARS:
        message = f"The functions have more than {MAX_CHARS:,} characters."
        faults.append(ToolFault(len(functions) - 1, "code", message))
    return tuple(sorted(faults, key=lambda fault: fault.number))


def parse_json(text: str, what: str = "The text") -> Node:
    """Parse JSON from a user or a model. Raises BadInput with line and column."""
    try:
        return Node(json_text.parse(text, what, _BOUNDS))
    except UnusableJson as error:
        raise BadInput(error.message, advice=error.advice or _MEND) from None


def _entries(text: str) -> list[Node]:
    if not text.strip():
        raise BadInput("There is no text. For no tools, write an empty list: [].", advice=_MEND)
    root = parse_json(text)
    entries = list(root.items()) if isinstance(root.value, list) else [root]
    if len(entries) > MAX_TOOLS:
        raise BadInput(f"There are {len(entries):,} tools, more than {MAX_TOOLS}.", advice="Remove some.")
    for node in entries:
        if not isinstance(node.value, dict):
            kind = describe_kind(node.value)
            raise BadInput(f"{node.path} must be a tool, an object, not {kind}.", advice=_MEND)
    return entries


@cache
def _documented_schema(*, nested: bool) -> CheckedSchema:
    """Return the part of the model's documented schema that describes a tool in this shape."""
    bodies = model_record.default_model().input_schema["oneOf"]
    properties = next(body["properties"] for body in bodies if "tools" in body["properties"])
    shapes = properties["tools"]["items"]["oneOf"]
    documented = next(shape for shape in shapes if ("function" in shape["properties"]) is nested)
    return parse_schema(json.dumps(documented))


def _parse_tool(number: int, node: Node) -> Tool:
    """Parse a tool; what a Tool cannot hold is refused here, the rest in ``find_tool_faults``."""
    nested = "function" in node
    for failure in check_value(node.value, _documented_schema(nested=nested)):
        sentence = failure.to_sentence("it")
        raise BadInput(f"Tool {number + 1}: {sentence} The documented schema asks for that.", advice=_MEND)
    core = node["function"] if nested else node
    _refuse_unknown_keys(core, _KEYS)
    if nested:
        _refuse_unknown_keys(node, ("type", "function"))
        if node.value["type"] != "function":
            raise BadInput(f"Tool {number + 1}: type must be “function”.", advice=_MEND)
    value = core.value
    parameters = json.dumps(value["parameters"], ensure_ascii=False)
    return Tool(value["name"], value["description"], parameters, nested)


def _refuse_unknown_keys(node: Node, keys: tuple[str, ...]) -> None:
    for key, child in node.fields():
        if key not in keys:
            documented = f"the documented schema has {', '.join(keys)} there"
            raise BadInput(f"{child.path} is not known: {documented}.", advice=_MEND)


@lru_cache(MAX_TOOLS)
def _tool_faults(tool: Tool) -> tuple[tuple[str, str], ...]:
    """Return part and sentence of each fault; cached, because the form asks again after every change."""
    faults = [*_name_faults(tool.name), *_text_faults({"description": tool.description})]
    try:
        parameters = parse_json(tool.parameters, "The text of the parameters").value
        value = encode_tool(replace(tool, nested=False), parameters)
        failures = check_value(value, _documented_schema(nested=False))[:MAX_FAULTS]
        sentences = [failure.to_sentence("it") for failure in failures]
        if not sentences and parameters["type"] != "object":
            sentences = ["parameters.type must be “object”: a call's arguments are one."]
        if not sentences:
            parse_schema(tool.parameters)
    except BadSchema as error:
        placed = f"parameters{error.path[1:]} {error.reason}. {error.advice}"
        sentences = [placed if error.reason else error.message]
    except BadInput as error:
        sentences = [error.message]
    return (*faults, *(("parameters", sentence.strip()) for sentence in sentences))


def _function_faults(function: Function, tool_names: Container[str]) -> Iterator[tuple[str, str]]:
    yield from _name_faults(function.name)
    if function.name in tool_names:
        yield "name", f"There is a tool of the name “{function.name}” already."
    if not function.code.strip():
        yield "code", "The code is empty."
    yield from _text_faults({"code": function.code})


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


def _duplicate_names(names: Sequence[str]) -> list[ToolFault]:
    return [
        ToolFault(number, "name", f"There is another of the name “{name}”.")
        for number, name in enumerate(names)
        if name and name in names[:number]
    ]


def _raise_first(faults: Sequence[ToolFault], tools: Sequence[Tool]) -> None:
    if not faults:
        return
    first = faults[0]
    name = tools[first.number].name
    label = f" “{name}”" if _NAME.fullmatch(name) and len(name) <= MAX_NAME_CHARS else ""
    more = f" ({len(faults) - 1} more to mend.)" if len(faults) > 1 else ""
    raise BadInput(f"Tool {first.number + 1}{label}: {first.message}{more}", advice=_MEND)


def _indent_json(parameters: str, by: int) -> str:
    try:
        value = parse_json(parameters).value
    except BadInput:
        return parameters
    return _dump_indented(value).replace("\n", "\n" + " " * by)


def _dump_indented(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
