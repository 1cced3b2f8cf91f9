"""A tool's parameters as the rows of a form, where they are flat: single values, each with its description."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lib.errors import BadInput
from lib.tools.tool_spec import parse_json


class ParameterType(Enum):
    """What a parameter can be in the form: its type in JSON Schema, or a choice among texts."""

    TEXT = "string"
    NUMBER = "number"
    WHOLE = "integer"
    SWITCH = "boolean"
    CHOICE = "enum"


@dataclass(frozen=True)
class ToolParameter:
    """One row. ``choices`` are the texts of a CHOICE, and empty for the others."""

    name: str
    description: str = ""
    kind: ParameterType = ParameterType.TEXT
    required: bool = True
    choices: tuple[str, ...] = ()


def schema_to_rows(parameters: str) -> tuple[ToolParameter, ...] | None:
    """The rows of a JSON Schema's text; None where it holds anything that rows cannot show, or is broken."""
    try:
        schema = parse_json(parameters).value
    except BadInput:
        return None
    if not isinstance(schema, dict) or set(schema) - {"type", "properties", "required"}:
        return None
    properties, required = schema.get("properties"), schema.get("required", [])
    if schema.get("type") != "object" or not isinstance(properties, dict) or not isinstance(required, list):
        return None
    if not all(isinstance(name, str) and name in properties for name in required):
        return None
    if len(set(required)) < len(required):
        return None
    found = tuple(_row(name, value, required=name in required) for name, value in properties.items())
    whole = tuple(row for row in found if row is not None)
    return whole if len(whole) == len(found) else None


def rows_to_schema(parameters: Sequence[ToolParameter]) -> str:
    """The rows as the text of a JSON Schema. Two rows of one name would be one: see ``row_faults``."""
    properties = {row.name: _property(row) for row in parameters}
    required = [row.name for row in parameters if row.required]
    body = {"type": "object", "properties": properties} | ({"required": required} if required else {})
    return json.dumps(body, ensure_ascii=False)


def find_row_faults(parameters: Sequence[ToolParameter]) -> tuple[dict[str, str], ...]:
    """For each row, what is wrong with which of its fields."""
    names = [row.name for row in parameters]
    return tuple(_faults(row, names[:number]) for number, row in enumerate(parameters))


def _faults(row: ToolParameter, before: Sequence[str]) -> dict[str, str]:
    found = {}
    if not row.name.strip():
        found["name"] = "A parameter needs a name."
    elif row.name in before:
        found["name"] = f"There is another “{row.name}”."
    if row.kind is ParameterType.CHOICE and not row.choices:
        found["choices"] = "Type what may be chosen, and press Enter after each."
    return found


def _property(row: ToolParameter) -> dict[str, Any]:
    kind = ParameterType.TEXT if row.kind is ParameterType.CHOICE else row.kind
    choices = {"enum": list(row.choices)} if row.kind is ParameterType.CHOICE else {}
    return {"type": kind.value, "description": row.description} | choices


def _row(name: str, value: Any, *, required: bool) -> ToolParameter | None:
    match value:
        case {"type": "string", "description": str(text), "enum": [_, *_] as choices, **rest} if not rest:
            if all(isinstance(one, str) for one in choices) and len(set(choices)) == len(choices):
                return ToolParameter(name, text, ParameterType.CHOICE, required, tuple(choices))
        case {
            "type": ("string" | "number" | "integer" | "boolean") as kind,
            "description": str(text),
            **rest,
        }:
            return None if rest else ToolParameter(name, text, ParameterType(kind), required)
    return None
