"""Narrowed schemas: everything that the engine may write has an end, and nothing new becomes valid."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from jsonschema import Draft202012Validator

from bench.json_mode import random_schema
from lib.twin.bounded_schema import FORMAT_PATTERNS, narrow_schema
from lib.twin.user_schema import UnsatisfiableSchemaError, UserSchema, read_schema
from tests.twin.conftest import RunningTwin


def narrow(schema: Any, string_chars: int = 500) -> dict[str, Any]:
    return narrow_schema(read_schema(schema, "/x"), string_chars)


def parts_of(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a narrowed schema and all schemas in it."""
    yield schema
    inner = [*schema.get("anyOf", ()), *schema.get("prefixItems", ())]
    inner += [*schema.get("properties", {}).values(), *schema.get("patternProperties", {}).values()]
    inner += [schema["items"]] if isinstance(schema.get("items"), dict) else []
    for part in inner:
        yield from parts_of(part)


@pytest.mark.parametrize("seed", range(40))
def test_everything_has_an_end(seed: int) -> None:
    for part in parts_of(narrow(random_schema(random.Random(seed)))):
        match part.get("type"):
            case "string":
                assert "maxLength" in part or "}$" in part["pattern"] or "})?$" in part["pattern"]
            case "array":
                assert part["maxItems"] <= 1_500
            case "object":
                assert part["additionalProperties"] is False
            case "number" | "integer":
                assert {"minimum", "exclusiveMinimum"} & part.keys()
                assert {"maximum", "exclusiveMaximum"} & part.keys()


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"type": "array"}, {"type": ["string", "array"]}])
def test_values_of_any_kind_have_an_end(schema: Any) -> None:
    kinds = [part["type"] for part in parts_of(narrow(schema)) if "type" in part]
    assert 0 < len(kinds) < 500


NUMBERS = [
    ({"type": "integer", "minimum": 1.2, "maximum": 3.8}, {"minimum": 2, "maximum": 3}),
    ({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 4}, {"minimum": 2, "maximum": 3}),
    # Draft 4: a flag beside the bound.
    ({"type": "integer", "minimum": 1, "exclusiveMinimum": True, "maximum": 3}, {"minimum": 2, "maximum": 3}),
    ({"type": "integer", "minimum": 7}, {"minimum": 7, "maximum": 999_999}),
    ({"type": "integer", "maximum": -5}, {"minimum": -999, "maximum": -5}),
    ({"type": "number", "minimum": 2.5, "maximum": 14}, {"minimum": 2.5, "maximum": 14, "multipleOf": 1e-4}),
    ({"type": "number", "minimum": 0, "maximum": 1e-4}, {"minimum": 0, "maximum": 1e-4, "multipleOf": 1e-6}),
    ({"type": "number", "maximum": 1.7e308}, {"minimum": -(10**15), "maximum": 10**15, "multipleOf": 1e-4}),
]


@pytest.mark.parametrize(("schema", "narrowed"), NUMBERS)
def test_ranges(schema: dict[str, Any], narrowed: dict[str, Any]) -> None:
    assert narrow(schema) == {"type": schema["type"], **narrowed}


@pytest.mark.parametrize("multiple", [7, 0.1, 0.25, 1e-7])
def test_multiples_are_those_that_the_validator_takes(multiple: float) -> None:
    schema = {"type": "number", "multipleOf": multiple, "exclusiveMinimum": 0}
    values = narrow(schema)["enum"]
    assert len(values) > 20
    for value in values:
        jsonschema.validate(value, schema)


NO_NUMBER = [
    {"type": "integer", "minimum": 3, "maximum": 2},
    {"type": "integer", "minimum": 1.2, "maximum": 1.8},
    {"type": "number", "exclusiveMinimum": 1, "maximum": 1},
    {"type": "integer", "multipleOf": 7, "minimum": 1, "maximum": 6},
    {"type": "number", "minimum": 1e300},
    {"type": "number", "minimum": 1e-300, "maximum": 1e-299},
]


@pytest.mark.parametrize("schema", NO_NUMBER)
def test_no_number(schema: Any) -> None:
    with pytest.raises(UnsatisfiableSchemaError):
        narrow(schema)


def test_requirements_of_all_schemas_apply() -> None:
    schema = {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}}, "required": ["a"]},
            {"properties": {"a": {"maxLength": 5}, "b": {"type": "boolean"}}},
        ]
    }
    narrowed = narrow(schema)
    assert narrowed["required"] == ["a"]
    assert list(narrowed["properties"]) == ["a", "b"]
    assert "{0,4}" in narrowed["properties"]["a"]["pattern"]


def test_unlimited_strings_share_the_answer() -> None:
    one = {"type": "object", "properties": {"a": {"type": "string"}}}
    four = {"type": "object", "properties": {name: {"type": "string"} for name in "abcd"}}
    assert "{0,399}" in narrow(one, 400)["properties"]["a"]["pattern"]
    assert "{0,99}" in narrow(four, 400)["properties"]["a"]["pattern"]


@pytest.mark.parametrize("digits", ["1.0000000000000000000000000", "0.3333333333333333333333333"])
def test_decimals_come_to_an_end(twin: RunningTwin, digits: str) -> None:
    # Raw, so that the model is in the middle of a number without an end.
    schema = {
        "type": "array",
        "prefixItems": [{"const": digits}, {"type": "number"}],
        "items": False,
        "minItems": 2,
    }
    form = {"response_format": {"type": "json_schema", "json_schema": schema}}
    answer = twin.ask(prompt=f"{digits}\n{digits}\n", raw=True, temperature=0, max_tokens=120, **form).json()
    assert answer["success"], answer
    assert len(str(answer["result"]["response"][1])) <= 15


def test_listed_values_are_not_compared_with_their_own_list() -> None:
    checked: list[dict[str, Any]] = []

    def validator(schema: dict[str, Any]) -> Draft202012Validator:
        checked.append(schema)
        return Draft202012Validator(schema)

    # That would take minutes for the 9,000 numbers that a schema has room for.
    schema = {"type": "integer", "enum": [1, 2, "x"]}
    assert narrow_schema(UserSchema(schema, schema, validator), 100) == {"enum": [1, 2]}
    assert checked == [{"type": "integer"}]


def test_many_required_names_without_a_schema_are_refused() -> None:
    names = [str(number) for number in range(101)]
    assert narrow({"type": "object", "required": names[1:]})["required"] == names[1:]
    with pytest.raises(UnsatisfiableSchemaError):
        narrow({"type": "object", "required": names})


NAMES = "^[a-zA-Z_][a-zA-Z0-9_]"
INTEGER = {"type": "integer", "minimum": 0, "maximum": 9}


def map_of(names: str, least: int = 0, most: int = 4) -> dict[str, Any]:
    return {
        "type": "object",
        "patternProperties": {names: INTEGER},
        "additionalProperties": False,
        "minProperties": least,
        "maxProperties": most,
    }


MAPS = [
    ({}, map_of(NAMES + "{0,30}$")),
    ({"propertyNames": {"pattern": "^x-[a-z]{2}$"}}, map_of(r"^x\x{2d}[a-z]{2}$")),
    ({"propertyNames": {"pattern": "^x-"}}, map_of(r"^x\x{2d}[a-zA-Z0-9_]{0,30}$")),
    ({"propertyNames": {"pattern": "a|b$"}}, map_of("^(?:a|b$)")),
    ({"propertyNames": {"minLength": 3, "maxLength": 5}, "minProperties": 2}, map_of(NAMES + "{2,4}$", 2, 6)),
    ({"propertyNames": {"allOf": [{"maxLength": 5}, {"minLength": 5}]}}, map_of(NAMES + "{4,4}$")),
    ({"propertyNames": {"anyOf": [{"pattern": "^a$"}, {"pattern": "^b$"}]}}, map_of("^a$")),
    ({"propertyNames": {"format": "uuid"}, "maxProperties": 1}, map_of(FORMAT_PATTERNS["uuid"], 0, 1)),
]


@pytest.mark.parametrize(("keywords", "narrowed"), MAPS)
def test_names_of_properties(keywords: dict[str, Any], narrowed: dict[str, Any]) -> None:
    assert narrow({"type": "object", "additionalProperties": INTEGER, **keywords}) == narrowed


def test_listed_names_of_properties() -> None:
    names = {"propertyNames": {"enum": ["a", 1, "b", "c"]}, "minProperties": 1, "maxProperties": 2}
    assert narrow({"type": "object", "additionalProperties": INTEGER, **names}) == {
        "type": "object",
        "properties": {"a": INTEGER, "b": INTEGER},
        "required": ["a"],
        "additionalProperties": False,
    }


def test_properties_by_pattern() -> None:
    by_pattern = {"patternProperties": {"^x-[a-z]$": INTEGER, "^[a-z]": True}, "additionalProperties": False}
    # Of one pattern only: the engine refuses patterns that a name can match together.
    assert narrow({"type": "object", **by_pattern}) == map_of(r"^x\x{2d}[a-z]$")
    named = narrow(
        {"type": "object", "properties": {"x-a": {"maximum": 5}}, "required": ["x-b"], **by_pattern}
    )
    assert named["properties"] == {"x-a": {**INTEGER, "maximum": 5}, "x-b": INTEGER}
    assert named["required"] == ["x-b"]
    with pytest.raises(UnsatisfiableSchemaError):
        narrow({"type": "object", "required": ["1"], **by_pattern})


def test_numbers_of_named_properties() -> None:
    schema = {"type": "object", "properties": dict.fromkeys("abcd", INTEGER), "required": ["c"]}
    assert narrow({**schema, "minProperties": 3})["required"] == ["c", "a", "b"]
    assert list(narrow({**schema, "maxProperties": 2})["properties"]) == ["a", "c"]


def test_patterns_that_all_apply() -> None:
    schema = {
        "type": "string",
        "allOf": [{"pattern": "^(?=.*[0-9])[a-z0-9]+$"}, {"pattern": "^x"}],
        "maxLength": 9,
    }
    parts = [r"^(?:[^\n\r\x{2028}\x{2029}]*[0-9])", "^[a-z0-9]+$", "^x"]
    all_of = [{"type": "string", "pattern": part} for part in parts]
    assert narrow(schema) == {"allOf": all_of, "minLength": 0, "maxLength": 9}


ECMA_SCHEMAS = [
    {"type": "string", "pattern": r"^\p{Lu}\u0061(?<n>[^]){2}\/$"},
    {"type": "string", "pattern": r"^(?=.*\d)(?=.*[A-Z])[A-Za-z\d]{8,12}$"},
    {"type": "string", "pattern": r"^[\w.-]+@example\.com$", "maxLength": 30},
    {"type": "string", "pattern": r"^(?!admin)[a-z]{3,9}$"},
    {
        "type": "object",
        "patternProperties": {"^x-": INTEGER},
        "additionalProperties": False,
        "minProperties": 1,
    },
    {
        "type": "object",
        "propertyNames": {"pattern": r"^\p{Ll}{3}$"},
        "additionalProperties": INTEGER,
        "minProperties": 1,
        "maxProperties": 2,
    },
]


@pytest.mark.parametrize("schema", ECMA_SCHEMAS, ids=lambda schema: str(schema)[:60])
def test_the_engine_keeps_to_javascripts_patterns(twin: RunningTwin, schema: dict[str, Any]) -> None:
    """Each of these was answered by 5024: the engine was given no pattern, or no names."""
    form = {"response_format": {"type": "json_schema", "json_schema": schema}}
    answer = twin.ask(prompt="Write JSON.", seed=1, max_tokens=120, **form).json()
    assert answer["success"], answer
