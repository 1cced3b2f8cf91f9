"""Convert a JSON Schema to the fields of a form and back, for people who do not know JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

from lib.errors import BadInput
from lib.jsonkit.json_schema import BadSchema, parse_schema
from lib.jsonkit.json_text import Path as Where
from lib.jsonkit.json_text import find_path, format_path

TYPES = ("string", "number", "integer", "boolean", "object", "array")
MAX_FIELDS = 100  # a form of several hundred controls is slow and hard to read
_SOUND = "The schema is sound. Edit it as JSON: nothing of it is lost."
SAMPLES_FILE = Path(__file__).parent / "schemas.json"

# The keywords that the form has a control for, besides the type and the description.
_KEYWORDS: dict[str, tuple[str, ...]] = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items",),
    "boolean": (),
    "string": ("enum",),
    "number": ("enum",),
    "integer": ("enum",),
}
EnumValue = str | int | float


@dataclass(frozen=True)
class SchemaField:
    """A value in the form. ``enum``: the only values allowed, empty for any.

    ``items`` is the field of a list's entries, None for any entries. ``fields`` are those of an object; a ``closed``
    object may have no others. ``name`` and ``required`` matter only inside an object.
    """

    name: str = ""
    type: str = "string"
    required: bool = True
    description: str = ""
    enum: tuple[EnumValue, ...] = ()
    items: SchemaField | None = None
    fields: tuple[SchemaField, ...] = ()
    closed: bool = False


@dataclass(frozen=True)
class SampleSchema:
    """A schema to start from; ``ask`` is a message that suits it."""

    name: str
    about: str
    ask: str
    schema: str


def to_schema(root: SchemaField) -> str:
    """Return the JSON text of a field's schema. Raises BadInput if two fields of an object have the same name."""
    return json.dumps(_schema(root, ()), ensure_ascii=False, indent=2)


def _schema(field: SchemaField, where: tuple[str, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": field.type}
    if field.description:
        schema["description"] = field.description
    match field.type:
        case "object":
            names = [child.name for child in field.fields]
            if twice := [name for name in names if names.count(name) > 1]:
                inside = f" in “{where[-1]}”" if where else ""
                raise BadInput(f"Two fields{inside} are called “{twice[0]}”.", advice="Rename one of them.")
            schema["properties"] = {
                child.name: _schema(child, (*where, child.name)) for child in field.fields
            }
            if required := [child.name for child in field.fields if child.required]:
                schema["required"] = required
            if field.closed:
                schema["additionalProperties"] = False
        case "array" if field.items is not None:
            schema["items"] = _schema(field.items, where)
        case "string" | "number" | "integer" if field.enum:
            schema["enum"] = list(field.enum)
    return schema


def from_schema(text: str) -> SchemaField:
    """Return the field of a schema. Raises BadInput if it is none, BadSchema if the form cannot show all of it.

    In the second case the message names the keyword and its line; the schema can still be edited as JSON.
    """
    value = parse_schema(text).value
    try:
        root = _field(value, (), "", True)
    except _Hidden as error:
        path, (line, column) = format_path(error.path), find_path(text, error.path)
        message = f"The form cannot show {error.what}: line {line:,}."
        raise BadSchema(message, path=path, line=line, column=column, advice=_SOUND) from None
    if (number := sum(1 for _ in all_fields(root))) > MAX_FIELDS:
        message = f"The form shows up to {MAX_FIELDS} fields; this schema has {number:,}."
        raise BadSchema(message, advice=_SOUND)
    return root


class _Hidden(Exception):
    def __init__(self, path: Where, what: str) -> None:
        super().__init__(what)
        self.path, self.what = path, what


def _field(value: Any, path: Where, name: str, required: bool) -> SchemaField:
    if not isinstance(value, dict):
        raise _Hidden(path, f"that {format_path(path)} may be anything, or nothing")
    if unknown := next((key for key in ("$ref", "allOf", "anyOf", "oneOf", "const") if key in value), None):
        raise _Hidden((*path, unknown), f"“{unknown}”")
    if not isinstance(kind := value.get("type", _implied_type(value)), str) or kind not in TYPES:
        what = "a value of any type" if kind is None else f"the type {json.dumps(kind)}"
        raise _Hidden((*path, "type") if kind is not None else path, what)
    if unknown := next((key for key in value if key not in ("type", "description", *_KEYWORDS[kind])), None):
        raise _Hidden((*path, unknown), f"“{unknown}”")
    field = SchemaField(name, kind, required, value.get("description", ""))
    match kind:
        case "object":
            if not isinstance(others := value.get("additionalProperties", True), bool):
                raise _Hidden((*path, "additionalProperties"), "a schema under “additionalProperties”")
            properties, needed = value.get("properties", {}), value.get("required", [])
            if missing := [key for key in needed if key not in properties]:
                raise _Hidden((*path, "required"), f"“{missing[0]}”, which is required but no field")
            fields = tuple(
                _field(below, (*path, "properties", name), name, name in needed)
                for name, below in properties.items()
            )
            return replace(field, fields=fields, closed=not others)
        case "array" if "items" in value:
            return replace(field, items=_field(value["items"], (*path, "items"), "", True))
    if "enum" in value:
        return replace(field, enum=_enum(value["enum"], kind, path))
    return field


def _implied_type(value: dict[str, Any]) -> str | None:
    """Return the type of a schema without "type": "string" if all its choices are texts."""
    choices = value.get("enum")
    return "string" if choices and all(isinstance(choice, str) for choice in choices) else None


def _enum(choices: list[Any], kind: str, path: Where) -> tuple[EnumValue, ...]:
    allowed: tuple[type, ...] = {"string": (str,), "integer": (int,)}.get(kind, (int, float))
    for number, choice in enumerate(choices):
        if not isinstance(choice, allowed) or isinstance(choice, bool) or choice in choices[:number]:
            raise _Hidden((*path, "enum", number), f"{json.dumps(choice)} among the values allowed")
    if not choices:
        raise _Hidden((*path, "enum"), "that no value is allowed")
    return tuple(choices)


def all_fields(root: SchemaField) -> Iterator[SchemaField]:
    """Yield the field and all fields inside of it."""
    yield root
    for field in (root.items,) if root.items is not None else root.fields:
        yield from all_fields(field)


def field_names(text: str) -> tuple[str, ...] | None:
    """Return the names of the answer's fields, None if the schema is not an object that the form can show."""
    try:
        root = from_schema(text)
    except BadInput:
        return None
    return tuple(field.name for field in root.fields) if root.type == "object" else None


def with_field_names(text: str, names: Iterable[str]) -> str:
    """Return the schema with exactly these fields: known ones as they are, new ones as required texts.

    If no field stays, what the schema says about the whole answer goes too. Raise BadInput as ``from_schema`` does.
    """
    root = from_schema(text)
    known = {field.name: field for field in root.fields}
    fields = tuple(known.get(name) or SchemaField(name) for name in dict.fromkeys(names))
    if not any(field.name in known for field in fields):
        root = SchemaField(type="object")
    return to_schema(replace(root, fields=fields))


def summarize_schema(text: str) -> str:
    """Describe a schema in a few words, as in “3 fields: name, age, tags”."""
    try:
        value = parse_schema(text).value
    except BadInput:
        return "a schema with an error"
    if not isinstance(value, dict):
        return "any JSON"
    names = list(value.get("properties") or {})
    if not names:
        return {"array": "a list", "object": "an object"}.get(str(value.get("type")), "a schema")
    listed = ", ".join(name if len(name) <= 24 else name[:23] + "…" for name in names[:4])
    more = f" and {len(names) - 4:,} more" if len(names) > 4 else ""
    return f"{len(names):,} field{'s' * (len(names) > 1)}: {listed}{more}"


def sample_schemas() -> tuple[SampleSchema, ...]:
    """Return the schemas that come with Paddock."""
    records = json.loads(SAMPLES_FILE.read_text(encoding="utf-8"))
    for record in records:
        record["schema"] = json.dumps(record["schema"], ensure_ascii=False, indent=2)
    return tuple(SampleSchema(**record) for record in records)


def free_name(name: str, taken: Iterable[str]) -> str:
    """Return the name of a new field or tool: with a number after it if it is taken already."""
    used = set(taken)
    numbered = (f"{name}_{number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in used)
