"""Failures: where an answer does not fit its schema, in plain words and in reading order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import ValidationError, validators
from jsonschema.exceptions import best_match

from lib.json_schema import Schema
from lib.json_text import show

MOST = 50  # failures that are told; nobody reads more
_MOST_LOOKED_AT = 1_000
_LONGEST_QUOTED = 60
_KINDS = {
    "array": "a list", "boolean": "true or false", "integer": "a whole number", "null": "null",
    "number": "a number", "object": "an object", "string": "a text",
}  # fmt: skip
_until: ContextVar[float] = ContextVar("until")


class TooLong(Exception):
    """The check was given up."""


@dataclass(frozen=True)
class Failure:
    """``path`` is the place in the answer, as in ``$.items[2].price``; ``message`` goes on from there: “is …”."""

    path: str
    message: str


def failures(value: Any, schema: Schema, seconds: float) -> tuple[Failure, ...]:
    """Where the value does not fit; one more than MOST where there are more.

    Raises TooLong after so many seconds, but a regular expression is not interrupted: lib.verdict sees to that.
    """
    token = _until.set(time.monotonic() + seconds)
    try:
        errors = list(islice(schema.validator(_timed(schema.draft)).iter_errors(value), _MOST_LOOKED_AT))
    finally:
        _until.reset(token)
    errors.sort(key=lambda error: _position(value, error))
    told: dict[tuple[str, str], Failure] = {}
    for error in errors:
        failure = Failure(show(tuple(error.absolute_path)), _words(error))
        told.setdefault((failure.path, failure.message), failure)  # one for all names that are missing
    return tuple(islice(told.values(), MOST + 1))


@cache
def _timed(draft: Any) -> Any:
    """The draft's validator, every keyword of which looks at the clock: references can multiply without bound."""
    return validators.extend(draft, {name: _with_clock(check) for name, check in draft.VALIDATORS.items()})


def _with_clock(check: Any) -> Any:
    def checked(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        if time.monotonic() > _until.get():
            raise TooLong
        yield from check(validator, value, instance, schema) or ()

    return checked


def _position(value: Any, error: ValidationError) -> tuple[int, ...]:
    """Where the failure stands in the answer, so that sorting gives the reading order."""
    position: list[int] = []
    for key in error.absolute_path:
        if isinstance(value, dict):
            if key not in value:  # draft 3 says so of the name that is missing
                return (*position, len(value))
            position.append(list(value).index(key))
        else:
            position.append(int(key))
        value = value[key]
    return tuple(position)


def _words(error: ValidationError) -> str:
    value, wanted = error.instance, error.validator_value
    match error.validator:
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return (
                f"is {_kind(value)}; wanted is {' or '.join(_KINDS.get(kind, str(kind)) for kind in kinds)}"
            )
        case "required" if isinstance(wanted, list):
            return f"lacks {_names(name for name in wanted if name not in value)}"
        case "additionalProperties" | "unevaluatedProperties" if wanted is False:
            known = error.schema.get("properties", {})
            return (
                f"has {_names(name for name in value if name not in known)}, which the schema does not have"
            )
        case "enum":
            return f"is {_quoted(value)}; wanted is one of {', '.join(map(_quoted, wanted[:12]))}"
        case "const":
            return f"is {_quoted(value)}; wanted is {_quoted(wanted)}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" | "multipleOf" as bound:
            return f"is {_quoted(value)}; wanted is {_BOUNDS[bound]} {_quoted(wanted)}"
        case "minLength" | "maxLength":
            return f"has {len(value):,} characters; wanted are {_LIMITS[error.validator]} {wanted:,}"
        case "minItems" | "maxItems":
            return f"has {len(value):,} entries; wanted are {_LIMITS[error.validator]} {wanted:,}"
        case "minProperties" | "maxProperties":
            return f"has {len(value):,} fields; wanted are {_LIMITS[error.validator]} {wanted:,}"
        case "pattern":
            return f"is {_quoted(value)}, which does not match the pattern {_quoted(wanted)}"
        case "format":
            return f"is {_quoted(value)}, which is no {wanted}"
        case "uniqueItems":
            return "holds an entry twice"
        case "anyOf" | "oneOf" if error.context:
            nearest = best_match([error])
            if nearest is None or nearest is error:
                return f"fits none of the {len(wanted):,} choices of the schema"
            below = tuple(nearest.absolute_path)[len(error.absolute_path) :]
            inside = f"{show(below)[1:]} ".lstrip(".") if below else "it "
            return f"fits none of the {len(wanted):,} choices of the schema; the nearest: {inside}{_words(nearest)}"
        case "oneOf":
            return f"fits more than one of the {len(wanted):,} choices of the schema; wanted is exactly one"
        case "not":
            return "is what the schema excludes"
        case "contains":
            return "holds no entry of the kind that is wanted"
        case None:
            return "is not allowed here"
    return f"does not fit the schema: {error.message[:200]}"


_BOUNDS = {
    "minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}  # fmt: skip
_LIMITS = {
    "minLength": "at least", "minItems": "at least", "minProperties": "at least",
    "maxLength": "at most", "maxItems": "at most", "maxProperties": "at most",
}  # fmt: skip


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {_quoted(value)}"
        case str():
            return f"the text {_quoted(value)}"
        case list():
            return "a list"
    return "an object"


def _names(names: Iterator[str]) -> str:
    listed = [f"“{name[:_LONGEST_QUOTED]}”" for name in names]
    return ", ".join(listed[:8]) + (f" and {len(listed) - 8:,} more" if len(listed) > 8 else "")


def _quoted(value: Any) -> str:
    text = f"“{value}”" if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_QUOTED else text[: _LONGEST_QUOTED - 1] + "…"
