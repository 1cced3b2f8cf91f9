"""JSON Schemas that a request brings along: taken or refused before the model sees them, and judged by afterwards.

A schema comes from outside: it may be no schema, refer to itself or to another computer, be huge, or hold a pattern
that takes for ever. Each of that ends here, in bounded time, as a refusal that names its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft4Validator, Draft7Validator, Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for

from lib.jsonkit import schema_keywords
from lib.jsonkit.child_process import ChildFailed, DeadlinePassed
from lib.jsonkit.json_validation import is_valid_in_child
from lib.twin.api_errors import TwinApiError, bad_input

MAX_SCHEMA_CHARS = 64 * 1024  # more than fills the context window, for the schema is told to the model too
MAX_DEPTH = 64
MAX_NODES = 4_000  # after its references are followed: ten lines of them can unfold to millions
VALIDATION_TIMEOUT = 3.0  # seconds for a check whose patterns may never end

# Said to the model with the whole schema, but of no effect on what is valid.
ANNOTATION_KEYWORDS = {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
ANNOTATION_KEYWORDS |= {"$schema", "$id", "id", "$comment", "$anchor", "$vocabulary"}
ANNOTATION_KEYWORDS |= schema_keywords.DEFINITIONS


class UnsatisfiableSchemaError(Exception):
    """No value is valid for a schema, or none that the twin can describe to the engine."""


@dataclass(frozen=True)
class UserSchema:
    """A schema that was taken. ``told`` as it was sent; ``plain`` without references and notes."""

    sent: Any
    resolved: Any
    validator_class: Any  # the jsonschema validator of its draft

    @cached_property
    def _patterned(self) -> bool:
        return '"pattern' in json.dumps(self.resolved)

    def is_valid(self, value: Any) -> bool:
        """Whether the value is valid. A check that takes too long counts as failed."""
        if not self._patterned:
            return bool(self.validator_class(self.resolved).is_valid(value))
        try:
            return is_valid_in_child(
                self.validator_class.__name__, self.resolved, value, seconds=VALIDATION_TIMEOUT
            )
        except (DeadlinePassed, ChildFailed):
            return False


def read_schema(schema: Any, where: str) -> UserSchema:
    """The schema, if it can be used; ``where`` names its place in the request. Raises RefusedError."""
    if isinstance(schema, bool):
        return UserSchema(schema, schema, Draft202012Validator)
    if not isinstance(schema, dict):
        raise _refused(where, "a JSON Schema is an object, true or false")
    if _deeper(schema, MAX_DEPTH):  # first: what is nested deeper cannot even be written as text
        raise _refused(where, f"a schema may be nested at most {MAX_DEPTH} deep")
    if len(json.dumps(schema, ensure_ascii=False)) > MAX_SCHEMA_CHARS:
        raise _refused(where, f"a schema may have at most {MAX_SCHEMA_CHARS:,} characters")
    kind = _draft(schema, where)
    return UserSchema(schema, _Unfolding(schema, where).unfold(schema, (), 0), kind)


def _refused(where: str, reason: str) -> TwinApiError:
    return TwinApiError(bad_input(f"'{where}': {reason}"))


def _deeper(value: Any, depth: int) -> bool:
    # Level by level, for a recursion could not survive what it is to refuse.
    level = [value]
    for _ in range(depth * 2):  # a schema's levels are two of JSON's: "properties" and the property
        level = [
            inner
            for outer in level
            for inner in (
                outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
            )
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _draft(schema: dict[str, Any], where: str) -> Any:
    """The validator of its draft: the named one, or the first whose rules it keeps."""
    named = validator_for(schema, default=None) if isinstance(schema.get("$schema"), str) else None
    kinds = [named] if named else [Draft202012Validator, Draft7Validator, Draft4Validator]
    failures = []
    for kind in kinds:
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            failures.append(error)
        else:
            return kind
    place = "".join(f"/{step}" for step in failures[0].absolute_path)
    raise _refused(where + place, f"not a JSON Schema: {_short(failures[0].message)}")


def _short(text: str) -> str:
    return text if len(text) < 200 else f"{text[:200]}…"


class _Unfolding:
    """Following the references of one schema, and counting, so that it ends."""

    def __init__(self, root: dict[str, Any], where: str) -> None:
        self.root, self.where = root, where
        self.nodes = 0

    def unfold(self, schema: Any, trail: tuple[str, ...], depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise _refused(self.where, "the schema is too large once its references are followed")
        if not isinstance(schema, Mapping):
            return schema
        plain: dict[str, Any] = {}
        for name, value in schema.items():
            if name in schema_keywords.REFERENCES or name in ANNOTATION_KEYWORDS:
                continue
            plain[name] = self._keyword(name, value, trail, depth + 1)
        reference = next((schema[name] for name in schema_keywords.REFERENCES if name in schema), None)
        if reference is None:
            return plain
        target = self.unfold(self._find(str(reference), trail), (*trail, str(reference)), depth + 1)
        return {"allOf": [target, plain]} if plain else target

    def _keyword(self, name: str, value: Any, trail: tuple[str, ...], depth: int) -> Any:
        if name == "pattern":
            self._compiles(value)
        if name == "patternProperties":
            for pattern in value:
                self._compiles(pattern)
        if name in schema_keywords.SCHEMA_LIST and isinstance(value, list):
            return [self.unfold(one, trail, depth) for one in value]
        if name in schema_keywords.SINGLE_SCHEMA:
            return self.unfold(value, trail, depth)
        if name in schema_keywords.SCHEMA_MAP and isinstance(value, dict):
            return {
                key: one if isinstance(one, list) else self.unfold(one, trail, depth)
                for key, one in value.items()
            }
        return value

    def _compiles(self, pattern: str) -> None:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError):
            raise _refused(self.where, f"not a regular expression: {_short(pattern)}") from None

    def _find(self, reference: str, trail: tuple[str, ...]) -> Any:
        if not reference.startswith("#"):
            raise _refused(
                self.where,
                f"'{_short(reference)}' is not fetched: put it under $defs and refer to '#/$defs/…'",
            )
        if reference in trail or reference == "#":
            raise _refused(self.where, f"the reference '{_short(reference)}' leads back to itself")
        found: Any = self.root
        for step in reference[1:].split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            elif isinstance(found, dict) and key in found:
                found = found[key]
            else:
                raise _refused(self.where, f"the reference '{_short(reference)}' leads nowhere")
        if not isinstance(found, dict | bool) or (found is self.root):
            raise _refused(self.where, f"the reference '{_short(reference)}' leads to no schema")
        return found
