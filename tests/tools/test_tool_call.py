"""Faults of a tool call; no schema makes the check take long or fetch anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lib.errors import BadInput
from lib.jsonkit.json_schema import parse_schema
from lib.jsonkit.json_validation import find_failures
from lib.model.request_options import Function, Tool, ToolCall
from lib.tools.tool_call import find_call_faults, parse_arguments
from tests.waiting import ends


def find_faults(
    given: Any, /, name: str = "t", required: tuple[str, ...] = (), **properties: Any
) -> tuple[str, ...]:
    """Return the faults of a call with these arguments: JSON text or a value."""
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    text = given if isinstance(given, str) else json.dumps(given)
    return find_call_faults(ToolCall("", name, text), (Tool("t", "", json.dumps(schema)),))


TEXT, WHOLE = {"type": "string"}, {"type": "integer", "minimum": 1, "maximum": 9}


def test_a_call_that_fits() -> None:
    assert find_faults({"a": "x", "n": 3}, a=TEXT, n=WHOLE) == ()
    assert find_faults("", a=TEXT) == find_faults("null", a=TEXT) == find_faults(" {} ", a=TEXT) == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"n": "3"}, "n must be a whole number, not the text “3”."),
        ({"n": 2.5}, "n must be a whole number, not the number 2.5."),
        ({"n": 12}, "n must be at most 9, and is 12."),
        ({"a": None}, "a must be a text, not null."),
        ({"a": True}, "a must be a text, not true."),
        ({"a": {}}, "a must be a text, not an object."),
        ({"c": "kelvin"}, "c must be one of “celsius”, “fahrenheit”, not “kelvin”."),
        ({"list": ["a", 3]}, "list[1] must be a text, not the number 3."),
        ({"list": ["a", "a"]}, "list has an entry twice."),
        ({"zz": 1}, "The call has “zz”, which is not one of the fields."),
        ("[1]", "The arguments must be an object, not a list."),
        ('"{}"', "The arguments must be an object, not a text."),
        ('{"a": "x"', "The text of the arguments is not complete: a comma is missing in line 1, column 10."),
        ("{'a': 1}", "The text of the arguments is not JSON"),
        ('{"a": "x", "a": "y"}', "$.a is there twice, in line 1."),
        ('{"a": "\\ud800"}', "half a character"),
        ("[" * 500 + "]" * 500, "nested more than 64 deep"),
    ],
)
def test_faults(given: Any, words: str) -> None:
    choice = {"enum": ["celsius", "fahrenheit"]}
    several = {"type": "array", "items": TEXT, "uniqueItems": True}
    (told,) = find_faults(given, a=TEXT, n=WHOLE, c=choice, list=several)
    assert words in told


def test_every_failure_is_listed() -> None:
    assert find_faults({"n": 0, "b": 1}, required=("a", "c"), a=TEXT, n=WHOLE, c=TEXT) == (
        "The call has no “a” and no “c”.",
        "The call has “b”, which is not one of the fields.",
        "n must be at least 1, and is 0.",
    )


def test_an_unknown_tool() -> None:
    assert find_faults({}, name="u") == ("There is no tool “u”. The request offered “t”.",)
    assert find_call_faults(ToolCall("", "u", "{}"), ()) == (
        "There is no tool “u”. The request offered none.",
    )


def test_a_function_takes_any_object() -> None:
    own = (Function("shout", "x => x"),)
    assert find_call_faults(ToolCall("", "shout", '{"x": 1}'), (), own) == ()
    assert find_call_faults(ToolCall("", "shout", "3"), (), own) == (
        "The arguments must be an object, not the number 3.",
    )
    assert find_call_faults(ToolCall("", "u", "{}"), (), own) == (
        "There is no tool “u”. The request offered “shout”.",
    )


def test_arguments_that_are_not_an_object() -> None:
    assert parse_arguments(ToolCall("", "t", '{"a": [1]}')) == {"a": [1]}
    with pytest.raises(BadInput, match="must be an object"):
        parse_arguments(ToolCall("", "t", "3"))


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text("ab", max_size=3),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text("ab", max_size=2), below, max_size=3),
    max_leaves=8,
)
schemas = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "number", "minimum": 0},
            {"type": ["integer", "null"]},
            {"enum": ["a", 1]},
            {"const": 0},
            {"minLength": 2},
            {"maxItems": 1},
            {"uniqueItems": True},
            {"multipleOf": 2},
            {"required": ["a"]},
            {"exclusiveMinimum": 1},
            {"exclusiveMaximum": 1},
            {"minProperties": 1},
            True,
            False,
        ]
    ),
    lambda below: st.one_of(
        st.builds(lambda one: {"items": one}, below),
        st.builds(lambda one, more: {"properties": {"a": one}, "additionalProperties": more}, below, below),
        st.builds(lambda some: {"anyOf": some}, st.lists(below, min_size=1, max_size=3)),
        st.builds(lambda some: {"oneOf": some}, st.lists(below, min_size=1, max_size=3)),
        st.builds(lambda some: {"allOf": some}, st.lists(below, min_size=1, max_size=3)),
        st.builds(lambda one: {"not": one}, below),
        st.builds(lambda one: {"contains": one}, below),
    ),
    max_leaves=6,
)


@given(schemas, values)
def test_the_result_is_that_of_jsonschema(schema: Any, value: Any) -> None:
    told = [one.to_sentence("The value") for one in find_failures(value, parse_schema(json.dumps(schema)))]
    assert (told == []) == Draft202012Validator(schema).is_valid(value)
    assert all(line.endswith(".") for line in told)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {
            "allOf": [{"$ref": "#/d/0"}],
            "d": [*({"allOf": [{"$ref": f"#/d/{n + 1}"}] * 2} for n in range(60)), {}],
        },
        {"$ref": "http://127.0.0.1:9/x"},
        {"$id": "http://127.0.0.1:9/", "$ref": "x"},
        {"$ref": "#/nowhere"},
    ],
)
def test_an_unusable_schema_is_reported(schema: dict[str, Any]) -> None:
    with ends():
        (told,) = find_call_faults(ToolCall("", "t", '{"l": 1}'), (Tool("t", "", json.dumps(schema)),))
    assert told.startswith("The arguments cannot be checked: the parameters of “t” cannot be used. $")


def test_a_long_check_ends() -> None:
    schema = {"properties": {"l": {"items": {"enum": list(range(9_000))}}}}
    with ends():
        assert find_call_faults(
            ToolCall("", "t", json.dumps({"l": [-1] * 9_000})), (Tool("t", "", json.dumps(schema)),)
        )


def test_a_pattern_is_checked() -> None:
    """``(a+)+$`` takes Python's ``re`` 2**40 steps here; the child process is ended."""
    plain = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^[a-z]+$"}}}
    tool = Tool("t", "", json.dumps(plain))
    assert find_call_faults(ToolCall("", "t", '{"a": "abc"}'), (tool,)) == ()
    assert find_call_faults(ToolCall("", "t", '{"a": "A"}'), (tool,)) == (
        "a is “A”, which does not match the pattern “^[a-z]+$”.",
    )
    slow = {"type": "object", "properties": {"a": {"type": "string", "pattern": "(a+)+$"}}}
    call = ToolCall("", "t", json.dumps({"a": "a" * 40 + "!"}))
    for schema in (slow, slow | {"patternProperties": {"(a+)+$": False}, "additionalProperties": False}):
        (told,) = find_call_faults(call, (Tool("t", "", json.dumps(schema)),))
        assert told.startswith("The arguments cannot be checked: The check took more than 2 seconds")


def test_equal_numbers_of_different_types() -> None:
    unique = parse_schema('{"uniqueItems": true}')
    assert [one.message for one in find_failures([{"a": 1}, {"a": 1.0}], unique)] == ["has an entry twice"]
    assert find_failures([1, True, "1", 0, False], unique) == ()


def test_the_number_of_faults_is_limited() -> None:
    told = find_faults({"l": list(range(100))}, l={"type": "array", "items": TEXT})
    assert len(told) == 21
    assert told[-1] == "And more."
