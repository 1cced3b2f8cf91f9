"""Convert schemas to form fields and back; schemas that the form cannot show; the sample schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from lib.errors import BadInput
from lib.jsonkit.json_schema import BadSchema
from lib.jsonkit.schema_form import (
    MAX_FIELDS,
    SchemaField,
    from_schema,
    sample_schemas,
    summarize_schema,
    to_schema,
)
from tests.jsonkit.schema_strategies import roots


@given(roots)
def test_a_form_survives_the_round_trip(root: SchemaField) -> None:
    text = to_schema(root)
    assert from_schema(text) == root
    assert to_schema(from_schema(text)) == text


@pytest.mark.parametrize("sample", sample_schemas(), ids=lambda one: one.name)
def test_samples(sample: Any) -> None:
    root = from_schema(sample.schema)
    assert json.loads(to_schema(root)) == json.loads(sample.schema)
    assert sample.about
    assert sample.ask


def test_the_schema_of_a_form() -> None:
    root = SchemaField(
        type="object",
        closed=True,
        fields=(
            SchemaField("name", description="The full name"),
            SchemaField("kind", required=False, enum=("a", "b")),
            SchemaField(
                "tags", "array", items=SchemaField(type="object", fields=(SchemaField("n", "integer"),))
            ),
        ),
    )
    assert json.loads(to_schema(root)) == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "The full name"},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "tags": {
                "type": "array",
                "items": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
            },
        },
        "required": ["name", "tags"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("schema", "says", "path"),
    [
        ({"type": "array", "items": {"type": "integer", "minimum": 0}}, "“minimum”", "$.items.minimum"),
        ({"type": "object", "title": "X"}, "“title”", "$.title"),
        (
            {"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}]}}},
            "“anyOf”",
            "$.properties.a.anyOf",
        ),
        ({"$defs": {"a": {}}, "$ref": "#/$defs/a"}, "“$ref”", "$.$ref"),
        ({"type": ["string", "null"]}, 'the type ["string", "null"]', "$.type"),
        ({"type": "null"}, 'the type "null"', "$.type"),
        ({}, "a value of any type", "$"),
        (True, "anything", "$"),
        ({"type": "object", "required": ["a"]}, "“a”, which is required but no field", "$.required"),
        ({"type": "object", "additionalProperties": {}}, "“additionalProperties”", "$.additionalProperties"),
        ({"type": "integer", "enum": [1, True]}, "true among the values allowed", "$.enum[1]"),
        ({"type": "string", "enum": ["a", 1]}, "1 among the values allowed", "$.enum[1]"),
        ({"type": "boolean", "enum": [True]}, "“enum”", "$.enum"),
        ({"type": "array", "items": {"type": "string", "pattern": "a"}}, "“pattern”", "$.items.pattern"),
    ],
)
def test_schemas_that_the_form_cannot_show(schema: Any, says: str, path: str) -> None:
    with pytest.raises(BadSchema) as caught:
        from_schema(json.dumps(schema, indent=2))
    assert says in caught.value.message
    assert caught.value.path == path
    assert "nothing of it is lost" in caught.value.advice


def test_more_fields_than_a_form_has() -> None:
    def many(number: int) -> str:
        return to_schema(
            SchemaField(type="object", fields=tuple(SchemaField(f"f{one}") for one in range(number)))
        )

    assert len(from_schema(many(MAX_FIELDS - 1)).fields) == MAX_FIELDS - 1
    with pytest.raises(BadSchema, match="up to 100 fields"):
        from_schema(many(MAX_FIELDS))


def test_two_fields_with_the_same_name() -> None:
    with pytest.raises(BadInput, match="Two fields are called “a”"):
        to_schema(SchemaField(type="object", fields=(SchemaField("a"), SchemaField("a"))))
    inner = SchemaField("in", "object", fields=(SchemaField("a"), SchemaField("a")))
    with pytest.raises(BadInput, match="Two fields in “in” are called “a”"):
        to_schema(SchemaField(type="object", fields=(inner,)))


def test_summary() -> None:
    assert summarize_schema(sample_schemas()[0].schema) == "3 fields: name, age, languages"
    assert summarize_schema('{"properties": {"one": true}}') == "1 field: one"
    assert (
        summarize_schema(json.dumps({"properties": {name: {} for name in "abcdef"}}))
        == "6 fields: a, b, c, d and 2 more"
    )
    assert summarize_schema('{"type": "array"}') == "a list"
    assert summarize_schema("{") == "a schema with an error"
    assert summarize_schema("true") == "any JSON"
