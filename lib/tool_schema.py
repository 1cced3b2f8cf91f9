"""The JSON Schema of a tool's parameters: whether it is one, and what of a value does not fit it, in plain words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

# What one check may cost. A schema of a few hundred characters can ask for years of work.
MOST_STEPS = 10_000
MOST_TOLD = 20

KINDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_PLAIN_KEY = re.compile("[A-Za-z_][A-Za-z_0-9-]*")
# What stands under these is a value, not a schema.
_VALUES = ("enum", "const", "default", "examples")

Check = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


class _TooMuchError(Exception):
    """The check took more steps than it may."""


def kind(value: object) -> str:
    """What a JSON value is, for people."""
    match value:
        case None:
            return KINDS["null"]
        case bool():
            return KINDS["boolean"]
        case int() | float():
            return KINDS["number"]
        case str():
            return KINDS["string"]
        case list():
            return KINDS["array"]
    return KINDS["object"]


def place(steps: Iterable[str | int]) -> str:
    """A path as it would be written in code; empty for the value itself."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif len(step) <= 40 and _PLAIN_KEY.fullmatch(step):
            text += f".{step}"
        else:
            text += f"[{json.dumps(step[:40])}]"
    return text.removeprefix(".")


def failures(schema: Any, value: Any, whole: str) -> tuple[str, ...]:
    """What of the value does not fit the schema, a sentence for each; ``whole`` names the value itself.

    Bounded in time whatever the schema. Patterns are not looked at (``has_pattern``): one can take for ever, and
    nothing can interrupt it.
    """
    try:
        validator = _bounded()(schema, registry=Registry())  # an empty registry: nothing is fetched
        errors = sorted(validator.iter_errors(value), key=lambda error: [str(part) for part in error.path])
    except RecursionError:
        return (f"{whole} cannot be checked: the schema refers to itself without an end.",)
    except _TooMuchError:
        return (f"{whole} cannot be checked: the schema takes too much work to check.",)
    except Unresolvable:
        return (f"{whole} cannot be checked: the schema refers to a part that it does not have.",)
    told = dict.fromkeys(f"{place(error.absolute_path) or whole} {words(error)}." for error in errors)
    sentences = list(told)
    if len(sentences) > MOST_TOLD:
        sentences[MOST_TOLD:] = [f"And {len(sentences) - MOST_TOLD} more."]
    return tuple(sentences)


def unusable(schema: Any) -> Iterator[tuple[str, str]]:
    """Why this is no JSON Schema that a call can be checked against: the place in it, and a sentence's end."""
    found = False
    for error in Draft7Validator(Draft7Validator.META_SCHEMA).iter_errors(schema):
        found = True
        while error.context:  # of several descriptions, the one that fits furthest down is meant
            error = max(error.context, key=lambda below: len(below.absolute_path))
        steps = list(error.absolute_path)
        if steps[-1:] == ["type"] and steps[-2:-1] != ["properties"]:
            yield place(steps), f"must be one of {', '.join(KINDS)}, the types of JSON Schema"
        else:
            yield place(steps), f"{words(error)}: it is no JSON Schema otherwise"
    for path, target in _references(schema):
        if not target.startswith("#"):
            found = True
            yield (
                path,
                "points outside of this tool, and nothing is fetched: put what it points to in its place",
            )
        elif not _resolves(schema, target):
            found = True
            yield path, f"points to {_shown(target)}, which is not there"
    if not found and (wrong := [line for line in failures(schema, {}, "") if "cannot be checked" in line]):
        yield "", wrong[0].partition(": ")[2].removeprefix("the schema ").rstrip(".")


def has_pattern(schema: Any) -> bool:
    """Whether it holds a pattern, which ``failures`` leaves alone."""
    return any(key in ("pattern", "patternProperties") for _, value in _schemas(schema) for key in value)


def words(error: ValidationError) -> str:
    """One failure as the end of a sentence about its place."""
    wanted, value, schema = error.validator_value, error.instance, error.schema
    match error.validator:
        case "required":
            return "has no " + " and no ".join(f"“{name}”" for name in wanted if name not in value)
        case "type":
            names = [wanted] if isinstance(wanted, str) else wanted
            return (
                f"must be {' or '.join(KINDS.get(name, name) for name in names)}, not {_given(value, names)}"
            )
        case "enum":
            return f"must be one of {', '.join(map(_shown, wanted[:MOST_TOLD]))}, not {_shown(value)}"
        case "const":
            return f"must be {_shown(wanted)}"
        case "additionalProperties" if isinstance(schema, Mapping):
            unknown = [key for key in value if key not in schema.get("properties", {})]
            return f"has {', '.join(map(_shown, unknown[:MOST_TOLD]))}, which is not known here"
        case "minimum":
            return f"must be at least {wanted}, and is {value}"
        case "maximum":
            return f"must be at most {wanted}, and is {value}"
        case "exclusiveMinimum":
            return f"must be more than {wanted}, and is {value}"
        case "exclusiveMaximum":
            return f"must be less than {wanted}, and is {value}"
        case "multipleOf":
            return f"must be a multiple of {wanted}, and is {value}"
        case "minLength" | "maxLength" as bound:
            return f"must have at {_bound(bound)} {wanted} characters, and has {len(value)}"
        case "minItems" | "maxItems" as bound:
            return f"must have at {_bound(bound)} {wanted} entries, and has {len(value)}"
        case "minProperties" | "maxProperties" as bound:
            return f"must have at {_bound(bound)} {wanted} fields, and has {len(value)}"
        case "uniqueItems":
            return "holds something twice"
        case "anyOf" | "oneOf" as keyword:
            return f"must fit {'one' if keyword == 'anyOf' else 'exactly one'} of {len(wanted)} descriptions"
        case "contains":
            return "lacks an entry that it must hold"
        case "not":
            return "is what it must not be"
        case None:
            return "must not be there"
    return f"does not meet “{error.validator}”"


def _bound(keyword: str) -> str:
    return "least" if keyword.startswith("min") else "most"


def _given(value: Any, wanted: Iterable[str]) -> str:
    """What a value is instead: a number in full where only its being whole is asked for."""
    if isinstance(value, float) and "integer" in wanted:
        return f"{value}"
    return f"{kind(value)}" if isinstance(value, (dict, list)) or value is None else _shown(value)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"


def _bounded() -> Any:
    """A validator class that counts its steps and raises _TooMuchError. For one check."""
    left = MOST_STEPS

    def metered(check: Check) -> Check:
        def keyword(validator: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError]:
            nonlocal left
            left -= 1 + (len(value) if isinstance(value, (dict, list)) else 0)
            if left < 0:
                raise _TooMuchError
            return check(validator, value, instance, schema) or ()

        return keyword

    checks = dict(Draft7Validator.VALIDATORS)
    del checks["pattern"], checks["patternProperties"]
    more = checks["additionalProperties"]
    # Which keys are additional is a question of patterns too.
    checks["additionalProperties"] = lambda validator, value, instance, schema: (
        () if "patternProperties" in schema else more(validator, value, instance, schema)
    )
    checks["uniqueItems"] = _unique
    checks = {name: metered(check) for name, check in checks.items()}
    nothing: dict[str, Check] = {"pattern": lambda *_: (), "patternProperties": lambda *_: ()}
    return extend(Draft7Validator, checks | nothing)


def _unique(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """In one pass: jsonschema's own compares each entry with each."""
    if value and isinstance(instance, list):
        entries = {json.dumps(_canonical(entry), sort_keys=True) for entry in instance}
        if len(entries) < len(instance):
            yield ValidationError("holds something twice")


def _canonical(value: Any) -> Any:
    """With each number that is whole written so: to JSON Schema 1.0 is 1."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_canonical(below) for below in value]
        case dict():
            return {key: _canonical(below) for key, below in value.items()}
    return value


def _schemas(schema: Any) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Every object in it that may be a schema, with its path."""
    todo: list[tuple[tuple[str | int, ...], Any]] = [((), schema)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict):
            yield path, value
            todo += [((*path, key), below) for key, below in value.items() if key not in _VALUES]
        elif isinstance(value, list):
            todo += [((*path, number), below) for number, below in enumerate(value)]


def _references(schema: Any) -> Iterator[tuple[str, str]]:
    for path, value in _schemas(schema):
        if isinstance(target := value.get("$ref"), str):
            yield place((*path, "$ref")), target


def _resolves(schema: Any, target: str) -> bool:
    """Whether a JSON Pointer (RFC 6901) behind “#” leads anywhere."""
    value = schema
    for step in target.removeprefix("#").split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step[:9]) < len(value):
            value = value[int(step[:9])]
        else:
            return False
    return target in ("#", "") or target.startswith("#/")
