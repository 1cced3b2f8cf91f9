"""JSON in plain words: what a value is, and in what it fails its schema."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from jsonschema import ValidationError
from jsonschema.exceptions import best_match

from lib.jsonkit.json_text import format_path

_LONGEST_QUOTED = 60
_MOST_CHOICES = 12
_MOST_NAMES = 8
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
_LIMITS = {
    "minLength": "at least",
    "minItems": "at least",
    "minProperties": "at least",
    "maxLength": "at most",
    "maxItems": "at most",
    "maxProperties": "at most",
}
_COUNTED = {"Length": "characters", "Items": "entries", "Properties": "fields"}


def describe_kind(value: Any) -> str:
    """What a value is, without what a text says."""
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
    """A value as it is written, not too much of it; a text in quotation marks of prose."""
    text = f"“{value}”" if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_QUOTED else text[: _LONGEST_QUOTED - 1] + "…"


def describe_failure(error: ValidationError) -> str:
    """In what a value fails, as the end of a sentence that begins with its place."""
    value, wanted, keyword = error.instance, error.validator_value, error.validator
    match keyword:
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return (
                f"must be {' or '.join(TYPE_NAMES.get(one, str(one)) for one in kinds)}, not {_said(value)}"
            )
        case "required" if isinstance(wanted, list):
            return "has no " + _names((name for name in wanted if name not in value), " and no ")
        case "additionalProperties" | "unevaluatedProperties" if wanted is False:
            known = error.schema.get("properties", {})
            more = _names((name for name in value if name not in known), ", ")
            return f"has {more}, which the schema does not have"
        case "enum":
            return f"must be one of {', '.join(map(quote_value, wanted[:_MOST_CHOICES]))}, not {quote_value(value)}"
        case "const":
            return f"must be {quote_value(wanted)}, not {quote_value(value)}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf":
            return f"must be {_BOUNDS[keyword]} {quote_value(wanted)}, and is {quote_value(value)}"
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties":
            return f"must have {_LIMITS[keyword]} {wanted:,} {_COUNTED[keyword[3:]]}, and has {len(value):,}"
        case "pattern":
            return f"is {quote_value(value)}, which does not match the pattern {quote_value(wanted)}"
        case "format":
            return f"is {quote_value(value)}, which is no {wanted}"
        case "uniqueItems":
            return "holds an entry twice"
        case "anyOf" | "oneOf" if error.context:
            nearest = best_match([error])
            if nearest is None or nearest is error:
                return f"fits none of the {len(wanted):,} choices of the schema"
            below = tuple(nearest.absolute_path)[len(error.absolute_path) :]
            inside = f"{format_path(below, '')} ".lstrip(".") if below else "it "
            nearest_failure = f"{inside}{describe_failure(nearest)}"
            return f"fits none of the {len(wanted):,} choices of the schema; the nearest: {nearest_failure}"
        case "oneOf":
            return (
                f"fits more than one of the {len(wanted):,} choices of the schema, and must fit exactly one"
            )
        case "not":
            return "is what the schema excludes"
        case "contains":
            return "holds no entry of the kind that is wanted"
        case None:
            return "is not allowed here"
    return f"does not fit the schema: {error.message[:200]}"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return json.dumps(value)
    return f"the text {quote_value(value)}" if isinstance(value, str) else describe_kind(value)


def _names(names: Iterable[str], between: str) -> str:
    listed = [f"“{name[:_LONGEST_QUOTED]}”" for name in names]
    more = f" ({len(listed) - _MOST_NAMES:,} more)" if len(listed) > _MOST_NAMES else ""
    return between.join(listed[:_MOST_NAMES]) + more
