"""Convert a tool's parameters to the rows of a form and back; the form shows flat parameters only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lib.errors import BadInput
from lib.tools.tool_spec import parse_json


class ParameterType(Enum):
    """The type of a parameter in the form: a type of JSON Schema, or a choice of texts."""

    TEXT = "string"
    NUMBER = "number"
    WHOLE = "integer"
    SWITCH = "boolean"
    CHOICE = "enum"


@dataclass(frozen=True)
class ToolParameter:
    """A row of the form. ``choices`` belong to the type CHOICE and are empty for the others."""

    name: str
    description: str = ""
    kind: ParameterType = ParameterType.TEXT
    required: bool = True
    choices: tuple[str, ...] = ()


def schema_to_rows(parameters: str) -> tuple[ToolParameter, ...] | None:
    """Return the rows of a JSON Schema; None if it is invalid or has anything that rows cannot show."""
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
    parsed = [_to_parameter(name, value, required=name in required) for name, value in properties.items()]
    rows = tuple(row for row in parsed if row is not None)
    return rows if len(rows) == len(parsed) else None


def rows_to_schema(parameters: Sequence[ToolParameter]) -> str:
    """Return the JSON Schema of the rows. Rows with the same name become one: see ``find_row_faults``."""
    properties = {row.name: _property(row) for row in parameters}
    required = [row.name for row in parameters if row.required]
    body = {"type": "object", "properties": properties} | ({"required": required} if required else {})
    return json.dumps(body, ensure_ascii=False)


def find_row_faults(parameters: Sequence[ToolParameter]) -> tuple[dict[str, str], ...]:
    """Return the faults of each row, by field."""
    names = [row.name for row in parameters]
    return tuple(_faults(row, names[:number]) for number, row in enumerate(parameters))


def _faults(row: ToolParameter, before: Sequence[str]) -> dict[str, str]:
    faults = {}
    if not row.name.strip():
        faults["name"] = "A parameter needs a name."
    elif row.name in before:
        faults["name"] = f"There is another “{row.name}”."
    if row.kind is ParameterType.CHOICE and not row.choices:
        faults["choices"] = "Type what may be chosen, and press Enter after each."
    return faults


def _property(row: ToolParameter) -> dict[str, Any]:
    kind = ParameterType.TEXT if row.kind is ParameterType.CHOICE else row.kind
    choices = {"enum": list(row.choices)} if row.kind is ParameterType.CHOICE else {}
    return {"type": kind.value, "description": row.description} | choices


def _to_parameter(name: str, value: Any, *, required: bool) -> ToolParameter | None:
    match value:
        case {"type": "string", "description": str(text), "enum": [_, *_] as choices, **rest} if not rest:
            if all(isinstance(choice, str) for choice in choices) and len(set(choices)) == len(choices):
                return ToolParameter(name, text, ParameterType.CHOICE, required, tuple(choices))
        case {"type": "string" | "number" | "integer" | "boolean" as kind, "description": str(text), **rest}:
            return None if rest else ToolParameter(name, text, ParameterType(kind), required)
    return None
