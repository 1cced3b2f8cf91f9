"""Describe JSON values and validation errors in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lib.jsonkit.json_text import format_path

# The process that reads an upload describes kinds only: importing jsonschema would double its start.
if TYPE_CHECKING:
    from jsonschema import ValidationError

_MAX_QUOTED = 60
_MAX_CHOICES = 12
_MAX_NAMES = 8
TYPE_NAMES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}
_COUNTED = {"Length": "characters", "Items": "entries", "Properties": "fields"}


def describe_kind(value: Any) -> str:
    """Name the kind of a value; the content of a text is left out."""
    match value:
        case None:
            return TYPE_NAMES["null"]
        case bool():
            return TYPE_NAMES["boolean"]
        case int() | float():
            return f"the number {quote_value(value)}"
        case str():
            return TYPE_NAMES["string"]
        case list():
            return TYPE_NAMES["array"]
    return TYPE_NAMES["object"]


def quote_value(value: Any) -> str:
    """Return a value as JSON, shortened; a text is set in typographic quotation marks."""
    text = f"“{value}”" if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _MAX_QUOTED else text[: _MAX_QUOTED - 1] + "…"


def describe_failure(error: ValidationError) -> str:
    """Describe a validation error as the end of a sentence whose subject is the place."""
    value, expected, keyword = error.instance, error.validator_value, error.validator
    match keyword:
        case "type":
            kinds = [expected] if isinstance(expected, str) else expected
            return f"must be {' or '.join(TYPE_NAMES.get(name, str(name)) for name in kinds)}, not {_describe(value)}"
        case "required" if isinstance(expected, list):
            return "has no " + _names((name for name in expected if name not in value), " and no ")
        case "additionalProperties" | "unevaluatedProperties" if expected is False:
            properties = error.schema.get("properties", {})
            unknown = _names((name for name in value if name not in properties), ", ")
            return f"has {unknown}, which is not one of the fields"
        case "enum":
            return f"must be one of {', '.join(map(quote_value, expected[:_MAX_CHOICES]))}, not {quote_value(value)}"
        case "const":
            return f"must be {quote_value(expected)}, not {quote_value(value)}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf":
            return f"must be {_BOUNDS[keyword]} {quote_value(expected)}, and is {quote_value(value)}"
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties":
            limit = "at least" if keyword.startswith("min") else "at most"
            return f"must have {limit} {expected:,} {_COUNTED[keyword[3:]]}, and has {len(value):,}"
        case "pattern":
            return f"is {quote_value(value)}, which does not match the pattern {quote_value(expected)}"
        case "format":
            return f"is {quote_value(value)}, which is not a valid {expected}"
        case "uniqueItems":
            return "has an entry twice"
        case "anyOf" | "oneOf" if error.context:
            from jsonschema.exceptions import best_match

            fits_none = f"fits none of the {len(expected):,} choices of the schema"
            nearest = best_match([error])
            if nearest is None or nearest is error:
                return fits_none
            below = tuple(nearest.absolute_path)[len(error.absolute_path) :]
            place = format_path(below, "").lstrip(".") if below else "it"
            return f"{fits_none}; the nearest: {place} {describe_failure(nearest)}"
        case "oneOf":
            choices = f"the {len(expected):,} choices of the schema"
            return f"fits more than one of {choices}, and must fit exactly one"
        case "not":
            return "is not allowed"
        case "contains":
            return "has no entry of the kind that is needed"
        case None:
            return "is not allowed here"
    return f"does not fit the schema: {error.message[:200]}"


def _describe(value: Any) -> str:
    if isinstance(value, bool):
        return json.dumps(value)
    return f"the text {quote_value(value)}" if isinstance(value, str) else describe_kind(value)


def _names(names: Iterable[str], between: str) -> str:
    listed = [f"“{name[:_MAX_QUOTED]}”" for name in names]
    more = f" ({len(listed) - _MAX_NAMES:,} more)" if len(listed) > _MAX_NAMES else ""
    return between.join(listed[:_MAX_NAMES]) + more
