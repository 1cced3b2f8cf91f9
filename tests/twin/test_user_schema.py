"""A user's schema of any kind is read or refused with 5006, never with another exception."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.jsonkit import schema_keywords
from lib.twin.api_errors import TwinApiError
from lib.twin.bounded_schema import narrow_schema
from lib.twin.user_schema import UnsatisfiableSchemaError, read_schema

KEYWORDS = sorted(
    schema_keywords.SINGLE_SCHEMA
    | schema_keywords.SCHEMA_LIST
    | schema_keywords.SCHEMA_MAP
    | {
        "const",
        "enum",
        "format",
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
    }
    | {"multipleOf", "pattern", "required", "type"}
)
scalars = st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "(", "a", "string", "object"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=2),
    max_leaves=4,
)


def read_and_narrow(schema: Any) -> None:
    with suppress(UnsatisfiableSchemaError):
        narrow_schema(read_schema(schema, "/schema"), 100)


@pytest.mark.parametrize(
    "target",
    [
        {"type": "string", "pattern": 1},
        {"type": "string", "pattern": ["a"]},
        {"type": "string", "pattern": "("},
        {"type": "object", "patternProperties": 5},
        {"type": "object", "properties": 5},
        {"type": "object", "required": 5},
        {"type": "string", "minLength": "a"},
        {"type": {"a": 1}},
        {"enum": 5},
        {"anyOf": 5},
    ],
)
def test_a_reference_to_no_schema_is_refused(target: Any) -> None:
    # No draft reads "x" as a schema, so only the reference makes it one.
    with pytest.raises(TwinApiError) as refused:
        read_and_narrow({"$ref": "#/x", "x": target})
    assert refused.value.response.code == 5006


def test_a_reference_to_a_schema_in_an_unusual_place_is_followed() -> None:
    schema = read_schema({"$ref": "#/x", "x": {"type": "string", "pattern": "^a"}}, "/schema")
    assert schema.is_valid("ab")
    assert not schema.is_valid("b")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYWORDS), values, max_size=3))
def test_any_reference_is_followed_or_refused(target: dict[str, Any]) -> None:
    with suppress(TwinApiError):
        read_and_narrow({"$ref": "#/x", "x": target})


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), 10**400])
@pytest.mark.parametrize("keyword", ["multipleOf", "maximum", "const", "default"])
def test_a_number_that_json_cannot_hold_is_refused(keyword: str, number: float) -> None:
    with pytest.raises(TwinApiError, match="too large"):
        read_schema({"properties": {"a": {"type": "number", keyword: number}}}, "/schema")


@pytest.mark.parametrize("bounds", [{}, {"minimum": 0}, {"maximum": -1}, {"minimum": -1e308}])
def test_the_largest_numbers_are_read(bounds: dict[str, float]) -> None:
    for keyword in ("multipleOf", "maximum", "exclusiveMinimum"):
        read_and_narrow({"type": "number", **bounds, keyword: 1.7e308})


def test_a_reference_to_a_huge_index_leads_nowhere() -> None:
    schema = {"allOf": [{}], "properties": {"a": {"$ref": "#/allOf/" + "9" * 5000}}}
    with pytest.raises(TwinApiError, match="leads nowhere"):
        read_schema(schema, "/schema")
