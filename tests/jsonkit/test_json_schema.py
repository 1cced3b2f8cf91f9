"""JSON Schemas: valid and invalid ones, the line of each error, and bounded time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from lib.errors import BadInput
from lib.jsonkit.json_schema import MAX_DEPTH, BadSchema, parse_schema
from lib.jsonkit.json_text import UnusableJson
from lib.jsonkit.schema_form import to_schema
from tests.jsonkit.schema_strategies import roots
from tests.waiting import ends

DEFS = '"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}'

BAD = {
    "nothing": (" \n", 1, "There is no schema yet"),
    "no JSON": ('{\n  "type": "object",\n}', 2, "a comma too many stands in line 2, column 19"),
    "not closed": ('{"type": "obj', 1, "not complete: a text is not closed"),
    "single quotes": ("{'type': 'object'}", 1, "a name in double quotes is missing in line 1, column 2"),
    "a list": ("[]", 1, "A schema is a JSON object"),
    "a type that is none": (
        '{"type": "object",\n "properties": {\n  "a": {"type": 7}}}',
        3,
        "$.properties.a.type must be one of string, number, integer",
    ),
    "a misspelt type": ('{"type":\n"objekt"}', 1, "$.type must be one of string"),
    "a keyword of a wrong type": ('{\n"required": "name"}', 2, "$.required must be a list"),
    "a key twice": ('{"a": 1,\n"b": {"x": 1,\n"x": 2}}', 3, "$.b.x is there twice"),
    "half a character": ('{"description":\n "\\ud800"}', 1, "$.description holds half a character"),
    "half a character, typed": (
        '{"description":\n "\ud800"}',
        2,
        "half a character (a lone surrogate) in line 2",
    ),
    "not a number": ('{\n"minimum": NaN}', 2, "NaN in line 2 is no number"),
    "an endless number": ('{"minimum": 1e999}', 1, "$.minimum is too large a number"),
    "a reference to nowhere": (
        '{\n"$ref": "#/$defs/a"}',
        2,
        "$.$ref points at “#/$defs/a”, which is not there",
    ),
    "an anchor that is not there": ('{"$ref": "#a"}', 1, "points at “#a”, which is not there"),
    "a remote reference": ('{"$ref": "https://example.com/x.json"}', 1, "points outside of the schema"),
    "the specification itself": (
        '{"$ref": "https://json-schema.org/draft/2020-12/schema"}',
        1,
        "points outside",
    ),
    "a reference to itself": ('{"$ref": "#"}', 1, "$ refers to itself"),
    "a circle": (f'{{{DEFS},\n"properties": {{"x": {{"$ref": "#/$defs/a"}}}}}}', 1, "refers to itself"),
    "references that multiply": (
        json.dumps(
            {"$ref": "#/d/0", "d": [*({"allOf": [{"$ref": f"#/d/{at + 1}"}] * 2} for at in range(60)), {}]}
        ),
        1,
        "takes too much work to check",
    ),
    "an answer without end": (
        '{"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}',
        1,
        "no answer ever ends",
    ),
    "a list without end": (
        '{"type": "array", "minItems": 1, "items": {"$ref": "#"}}',
        1,
        "no answer ever ends",
    ),
    "a reference to what is no schema": ('{"x": 7, "not": {"$ref": "#/x"}}', 1, "which is no schema"),
    "a bad schema out of the way": (
        '{"x": {"type": 7},\n"properties": {"a": {"$ref": "#/x"}}}',
        1,
        "$.x.type must be one of",
    ),
    "no regular expression": ('{\n"pattern": "("}', 2, "$.pattern is no regular expression"),
    "a name that is no regular expression": (
        '{"patternProperties": {"(": true}}',
        1,
        "no regular expression",
    ),
    "a long pattern": (json.dumps({"pattern": "a" * 1001}), 1, "1,001 characters, more than 1,000"),
    "an unknown draft": (
        '{"$schema": "http://example.com/"}',
        1,
        "a version of JSON Schema that is not known",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_invalid_schemas(what: str) -> None:
    text, line, says = BAD[what]
    with pytest.raises(UnusableJson) as caught:
        parse_schema(text)
    assert says in caught.value.message
    assert caught.value.line == line
    assert caught.value.column is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"description": "' + "x" * 5_000_000 + '"}', "has 5,000,019 bytes, more than 65,536"),
        ('{"description": "' + "ü" * 40_000 + '"}', "has 80,019 bytes"),
        ('{"not":' * 500 + "true" + "}" * 500, "nested more than 64 deep"),
        ("[" * 60_000, "nested more than 64 deep"),
        ('{"allOf":[' * 500, "nested more than 64 deep"),
        ('{"minimum": ' + "1" * 5_000 + "}", "a number that is too large"),
        (json.dumps({"pattern": "(" * 999}), "no regular expression"),
    ],
)
def test_too_large_schemas_are_refused_quickly(text: str, says: str) -> None:
    with ends(), pytest.raises(BadInput, match=says):
        parse_schema(text)


def test_the_largest_schemas_are_accepted() -> None:
    def deeper(depth: int) -> str:
        return '{"not":' * depth + "true" + "}" * depth

    parse_schema(deeper(MAX_DEPTH))
    with pytest.raises(UnusableJson, match="nested more than"):
        parse_schema(deeper(MAX_DEPTH + 1))
    wide = {f"field{number}": {"type": "string"} for number in range(1500)}
    parse_schema(json.dumps({"type": "object", "properties": wide}))


def test_a_chain_of_references_is_not_a_circle() -> None:
    links = {f"d{number}": {"allOf": [{"$ref": f"#/$defs/d{number + 1}"}]} for number in range(500)}
    parse_schema(json.dumps({"$defs": links | {"d500": {}}, "$ref": "#/$defs/d0"}))


TREE = {
    "type": "object",
    "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["kids"],
}
CHAIN = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}},
    "required": ["next"],
}


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        TREE,
        CHAIN,
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
        # A value that is not an object ends the chain.
        {"properties": {"next": {"$ref": "#"}}, "required": ["next"]},
        {"$defs": {"a": {"$anchor": "x", "type": "string"}}, "$ref": "#x"},
        {"$id": "http://a/b", "$defs": {"a": {"$id": "c", "type": "string"}}, "$ref": "c"},
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"a": {}},
            "$ref": "#/definitions/a",
        },
        {"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": True, "minimum": 3},
        {"$schema": "http://json-schema.org/draft-03/schema#", "properties": {"a": {"required": True}}},
        {
            "$schema": "https://json-schema.org/draft/2019-09/schema",
            "$recursiveAnchor": True,
            "properties": {"a": {"$recursiveRef": "#"}},
        },
        {"properties": {"a": {"$dynamicRef": "#node"}}, "$dynamicAnchor": "node"},
        {"pattern": r"^\p{L}+$"},
        {"pattern": "(?<year>[0-9]{4})"},  # valid in JavaScript
    ],
)
def test_valid_schemas(schema: Any) -> None:
    text = json.dumps(schema)
    assert parse_schema(text).value == schema
    assert parse_schema(text).text == text


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("urllib.request.urlopen", fetch)
    monkeypatch.setattr("socket.create_connection", fetch)
    for reference in ("https://example.com/s.json", "file:///etc/passwd", "other.json", "//example.com"):
        with pytest.raises(BadSchema, match="points outside") as caught:
            parse_schema(json.dumps({"$ref": reference}))
        assert "Nothing is fetched" in caught.value.advice
    with pytest.raises(BadSchema, match="points outside"):
        parse_schema('{"$id": "https://example.com/a", "properties": {"x": {"$ref": "b"}}}')


@given(roots)
def test_every_form_makes_a_valid_schema(root: Any) -> None:
    assert parse_schema(to_schema(root)).value["type"] == root.type
