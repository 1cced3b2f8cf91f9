"""JSON Schemas that users send: check them before the model sees them, and validate its answers against them.

A user's schema may be no schema, refer to itself or to another computer, be huge, or have a pattern whose match never
ends. In each case the request is refused in bounded time, with an error that names the place in the request.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft4Validator, Draft7Validator, Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for

from lib.jsonkit import ecma_regex, schema_keywords
from lib.jsonkit.child_process import ChildFailed, DeadlinePassed
from lib.jsonkit.json_validation import is_valid_in_child
from lib.twin.api_errors import field_error

# More than fills the context window: the schema is in the prompt too.
MAX_SCHEMA_CHARS = 64 * 1024
MAX_DEPTH = 64
# With its references resolved: ten lines of them can unfold to millions.
MAX_NODES = 4_000
# Seconds for a validation with patterns, which may never end.
VALIDATION_TIMEOUT = 3.0

# The model reads these, but they do not decide what is valid.
ANNOTATION_KEYWORDS = {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
ANNOTATION_KEYWORDS |= {"$schema", "$id", "id", "$comment", "$anchor", "$vocabulary"}
ANNOTATION_KEYWORDS |= schema_keywords.DEFINITIONS


class UnsatisfiableSchemaError(Exception):
    """No value is valid for a schema, or none that the twin can describe to the engine."""


@dataclass(frozen=True)
class UserSchema:
    """A checked schema: as it was ``sent``, and ``resolved`` without references and annotations.

    ``draft`` is the validator class of jsonschema for its draft.
    """

    sent: Any
    resolved: Any
    draft: Any

    def is_valid(self, value: Any) -> bool:
        """Return True if the value is valid. A validation that takes too long counts as failed."""
        if '"pattern' not in json.dumps(self.resolved):
            return bool(self.draft(self.resolved).is_valid(value))
        try:
            return is_valid_in_child(self.draft.__name__, self.resolved, value, VALIDATION_TIMEOUT)
        except (DeadlinePassed, ChildFailed):
            return False


def read_schema(schema: Any, where: str) -> UserSchema:
    """Check a schema and resolve its references. Raises TwinApiError.

    ``where`` is the JSON pointer of the schema in the request.
    """
    if isinstance(schema, bool):
        return UserSchema(schema, schema, Draft202012Validator)
    if not isinstance(schema, dict):
        raise field_error(where, "a JSON Schema is an object, true or false")
    # The depth first: json.dumps cannot write what is nested deeper.
    if _is_deeper(schema, MAX_DEPTH):
        raise field_error(where, f"a schema may be nested at most {MAX_DEPTH} deep")
    if len(json.dumps(schema, ensure_ascii=False)) > MAX_SCHEMA_CHARS:
        raise field_error(where, f"a schema may have at most {MAX_SCHEMA_CHARS:,} characters")
    if any(_is_too_large(value) for value in _leaves(schema)):
        raise field_error(where, "a number of the schema is too large")
    draft = _find_draft(schema, where)
    resolver = _Resolver(schema, where)
    resolved = resolver.resolve(schema, (), 0)
    if resolver.has_references:
        # A reference may lead to a place that the draft does not read as a schema, such as "#/x".
        _check_resolved(resolved, draft, where)
    return UserSchema(schema, resolved, draft)


def _is_deeper(value: Any, depth: int) -> bool:
    # Level by level, because a recursion would fail on the schemas that are to be refused.
    level = [value] if isinstance(value, dict | list) else []
    # A level of a schema is two of JSON: "properties" and the property.
    for _ in range(depth * 2):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _leaves(value: Any) -> Iterator[Any]:
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, dict | list):
            todo += part.values() if isinstance(part, dict) else part
        else:
            yield part


def _is_too_large(value: Any) -> bool:
    # Python reads 1e400 as an infinity, which JSON cannot hold, and counts whole numbers that no other program can.
    return isinstance(value, int | float) and not -sys.float_info.max <= value <= sys.float_info.max


# The only format that the drafts' own schemas require and that matters here.
_SCHEMA_FORMATS = FormatChecker(formats=())


@_SCHEMA_FORMATS.checks("regex", raises=ecma_regex.BadPattern)  # type: ignore[untyped-decorator]
def _is_pattern(value: Any) -> bool:
    if isinstance(value, str):
        ecma_regex.check_pattern(value)
    return True


def _find_draft(schema: dict[str, Any], where: str) -> Any:
    """Return the validator of the draft that the schema names, or of the first draft that it fits."""
    named = validator_for(schema, default=None) if isinstance(schema.get("$schema"), str) else None
    candidates = [named] if named else [Draft202012Validator, Draft7Validator, Draft4Validator]
    failures = []
    for candidate in candidates:
        try:
            candidate.check_schema(schema, format_checker=_SCHEMA_FORMATS)
        except SchemaError as error:
            failures.append(error)
        else:
            return candidate
    place = "".join(f"/{step}" for step in failures[0].absolute_path)
    reason = f" ({failures[0].cause})" if failures[0].cause else ""
    raise field_error(where + place, f"not a JSON Schema: {_shorten(failures[0].message)}{reason}")


def _check_resolved(resolved: Any, draft: Any, where: str) -> None:
    try:
        draft.check_schema(resolved, format_checker=_SCHEMA_FORMATS)
    except SchemaError as error:
        words = f"a reference leads to no JSON Schema: {_shorten(error.message)}"
        raise field_error(where, words) from None


def _shorten(text: str) -> str:
    return text if len(text) < 200 else f"{text[:200]}…"


class _Resolver:
    """Resolves the references of one schema, up to a number of nodes."""

    def __init__(self, root: dict[str, Any], where: str) -> None:
        self.root, self.where = root, where
        self.nodes = 0
        self.has_references = False

    def resolve(self, schema: Any, trail: tuple[str, ...], depth: int) -> Any:
        """Return the schema without references. ``trail`` has the references that led to it."""
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise field_error(self.where, "the schema is too large once its references are followed")
        if not isinstance(schema, Mapping):
            return schema
        resolved: dict[str, Any] = {}
        for name, value in schema.items():
            if name in schema_keywords.REFERENCES or name in ANNOTATION_KEYWORDS:
                continue
            resolved[name] = self._resolve_keyword(name, value, trail, depth + 1)
        reference = next((schema[name] for name in schema_keywords.REFERENCES if name in schema), None)
        if reference is None:
            return resolved
        self.has_references = True
        target = self.resolve(self._find(str(reference), trail), (*trail, str(reference)), depth + 1)
        return {"allOf": [target, resolved]} if resolved else target

    def _resolve_keyword(self, name: str, value: Any, trail: tuple[str, ...], depth: int) -> Any:
        if name == "pattern" and isinstance(value, str):
            self._check_pattern(value)
        if name == "patternProperties" and isinstance(value, dict):
            for pattern in value:
                self._check_pattern(pattern)
        if name in schema_keywords.SCHEMA_LIST and isinstance(value, list):
            return [self.resolve(schema, trail, depth) for schema in value]
        if name in schema_keywords.SINGLE_SCHEMA:
            return self.resolve(value, trail, depth)
        if name in schema_keywords.SCHEMA_MAP and isinstance(value, dict):
            return {
                key: schema if isinstance(schema, list) else self.resolve(schema, trail, depth)
                for key, schema in value.items()
            }
        return value

    def _check_pattern(self, pattern: str) -> None:
        try:
            ecma_regex.check_pattern(pattern)
        except ecma_regex.BadPattern as error:
            words = f"not a regular expression: {_shorten(pattern)} ({error})"
            raise field_error(self.where, words) from None

    def _find(self, reference: str, trail: tuple[str, ...]) -> Any:
        if not reference.startswith("#"):
            words = "is not fetched: put it under $defs and refer to '#/$defs/…'"
            raise field_error(self.where, f"'{_shorten(reference)}' {words}")
        if reference in trail or reference == "#":
            raise field_error(self.where, f"the reference '{_shorten(reference)}' leads back to itself")
        target: Any = self.root
        for step in reference[1:].split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(target, list) and key.isdecimal() and len(key) < 10 and int(key) < len(target):
                target = target[int(key)]
            elif isinstance(target, dict) and key in target:
                target = target[key]
            else:
                raise field_error(self.where, f"the reference '{_shorten(reference)}' leads nowhere")
        if not isinstance(target, dict | bool) or (target is self.root):
            raise field_error(self.where, f"the reference '{_shorten(reference)}' leads to no schema")
        return target
