"""What the twin cannot do with a schema is known before a send, and the twin agrees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lib.preflight.schema_limits import SchemaLimits, find_schema_limits
from lib.twin.api_errors import TwinApiError
from lib.twin.user_schema import read_schema

TREE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "below": {"type": "array", "items": {"$ref": "#"}}},
}
FORK = {
    "$ref": "#/$defs/a",
    "$defs": {
        "a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}},
        "b": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]},
    },
}
TWICE = {
    "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"$ref": "#/$defs/n"}},
    "$defs": {"n": {"type": "integer"}, "unused": {"$ref": "#/$defs/n"}},
}


@pytest.mark.parametrize(
    ("schema", "limits"),
    [
        ({"type": "string", "pattern": r"^(?=.*\d)\p{L}[^]{3}$"}, ()),
        (
            {"type": "string", "pattern": r"\bfoo(?!s)"},
            ("a word boundary (\\b) at $", "a negative look-ahead (?!…) at $"),
        ),
        (
            {"properties": {"a": {"patternProperties": {r"^(a)\1$": {"not": {"type": "null"}}}}}},
            ("a back reference at $.properties.a", '“not” at $.properties.a.patternProperties["^(a)\\\\1$"]'),
        ),
        ({"type": "array", "uniqueItems": True, "items": {"uniqueItems": False}}, ("“uniqueItems” at $",)),
        # Names of properties, not keywords.
        ({"properties": {"not": {"type": "string"}, "pattern": {"type": "string"}, "if": True}}, ()),
        (True, ()),
    ],
)
def test_what_is_not_held(schema: Any, limits: tuple[str, ...]) -> None:
    assert find_schema_limits(json.dumps(schema)) == SchemaLimits(limits)


@pytest.mark.parametrize("schema", [TREE, FORK, TWICE])
def test_a_schema_that_refers_to_itself(schema: dict[str, Any]) -> None:
    is_refused = schema is not TWICE
    assert find_schema_limits(json.dumps(schema)).is_refused == is_refused
    if is_refused:
        with pytest.raises(TwinApiError, match="leads back to itself"):
            read_schema(schema, "/x")
    else:
        read_schema(schema, "/x")


def test_no_schema() -> None:
    assert find_schema_limits("{") == SchemaLimits()
