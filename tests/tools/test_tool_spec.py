"""Tools and functions as JSON text: both documented shapes are read and written, faults are explained."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from lib.errors import BadInput
from lib.model.model_record import default_model
from lib.model.request_options import Function, Tool
from lib.tools import tool_spec
from tests.waiting import ends

CITY = {"city": {"type": "string", "description": "The city."}}
PARAMETERS: dict[str, Any] = {"type": "object", "properties": CITY, "required": ["city"]}
FLAT: dict[str, Any] = {"name": "get_weather", "description": "Tells it.", "parameters": PARAMETERS}
NESTED: dict[str, Any] = {"type": "function", "function": FLAT | {"name": "get_time"}}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
properties = st.dictionaries(
    texts,
    st.builds(
        lambda kind, about, more: {"type": kind, "description": about} | more,
        st.sampled_from(["string", "number", "integer", "boolean", "array", "object", "null"]),
        texts,
        st.sampled_from(
            [{}, {"default": 1.5}, {"enum": ["a", "é"]}, {"title": "x"}, {"items": {"type": "string"}}]
        ),
    ),
    max_size=4,
)


@st.composite
def many_tools(draw: st.DrawFn) -> tuple[Tool, ...]:
    names = draw(st.lists(st.from_regex("[A-Za-z0-9_-]{1,64}", fullmatch=True), max_size=4, unique=True))
    return tuple(
        Tool(
            name,
            draw(texts),
            json.dumps({"type": "object", "properties": draw(properties)}),
            draw(st.booleans()),
        )
        for name in names
    )


def read_values(*values: Any) -> tuple[Tool, ...]:
    return tool_spec.read_tools(json.dumps(list(values)))


def refusal_message(text: str) -> str:
    """Return the error message for a text."""
    with ends(), pytest.raises(BadInput) as caught:
        tool_spec.read_tools(text)
    assert caught.value.advice
    return caught.value.message


def object_schema(**parameters: Any) -> str:
    """Return the JSON text of a tool with this schema of parameters."""
    return json.dumps(FLAT | {"parameters": PARAMETERS | parameters})


def test_both_shapes_alone_and_in_a_list() -> None:
    flat = Tool("get_weather", "Tells it.", json.dumps(PARAMETERS))
    nested = Tool("get_time", "Tells it.", json.dumps(PARAMETERS), nested=True)
    assert tool_spec.read_tools(json.dumps(FLAT)) == (flat,)
    assert tool_spec.read_tools(json.dumps(NESTED)) == (nested,)
    assert read_values(FLAT, NESTED) == (flat, nested)
    assert tool_spec.read_tools(" [] ") == ()


def test_writing_keeps_the_shape() -> None:
    assert json.loads(tool_spec.write_tools(read_values(FLAT, NESTED))) == [FLAT, NESTED]


@given(many_tools())
def test_tools_survive_the_round_trip(tools: tuple[Tool, ...]) -> None:
    written = tool_spec.write_tools(tools)
    back = tool_spec.read_tools(written)
    assert [(one.name, one.description, one.nested) for one in back] == [
        (one.name, one.description, one.nested) for one in tools
    ]
    assert [json.loads(one.parameters) for one in back] == [json.loads(one.parameters) for one in tools]
    assert tool_spec.write_tools(back) == written


@given(many_tools())
def test_accepted_tools_fit_the_documented_schema(tools: tuple[Tool, ...]) -> None:
    tool_spec.check_tools(tools)
    body = {
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": json.loads(tool_spec.write_tools(tools)),
    }
    assert list(Draft7Validator(default_model().input_schema).iter_errors(body)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is no text"),
        ('[{"name": "a",\n  "description": }]', "a value is missing or is not JSON in line 2, column 18"),
        ("nonsense", "line 1, column 1"),
        ("3", "must be a tool, an object, not the number 3"),
        ('[{}, "x"]', "$[1] must be a tool, an object, not a text"),
        ("{}", "has no “name” and no “description” and no “parameters”"),
        (json.dumps(FLAT | {"strict": True}), "$.strict is not known"),
        (json.dumps(FLAT | {"type": "function"}), "$.type is not known"),
        (json.dumps(FLAT | {"function": FLAT}), "has no “type”"),
        (json.dumps(NESTED | {"type": "tool"}), "type must be “function”"),
        (json.dumps({"type": "function", "function": {"name": "a"}}), "function has no “description”"),
        (json.dumps(FLAT | {"name": 3}), "name must be a text, not the number 3"),
        (json.dumps(FLAT | {"name": "get weather"}), "without spaces"),
        (json.dumps(FLAT | {"name": "météo"}), "the letters A to Z"),
        (json.dumps(FLAT | {"name": ""}), "The name is empty"),
        (json.dumps(FLAT | {"name": "x" * 65}), "65 characters, more than 64"),
        (json.dumps([FLAT, FLAT]), "Tool 2 “get_weather”: There is another of the name"),
        (json.dumps([FLAT] * 129), "129 tools, more than 128"),
        (json.dumps(FLAT | {"parameters": {"type": "object"}}), "parameters has no “properties”"),
        (json.dumps(FLAT | {"parameters": {"properties": {}}}), "parameters has no “type”"),
        (
            object_schema(properties={"city": {"type": "string"}}),
            "parameters.properties.city has no “description”",
        ),
        (
            object_schema(properties={"a b": {"type": "string"}}),
            'parameters.properties["a b"] has no “description”',
        ),
        (
            object_schema(properties={"city": {"type": ["string"], "description": ""}}),
            "type must be a text, not a list",
        ),
        (
            object_schema(properties={"city": {"type": "strng", "description": ""}}),
            "city.type must be one of string, number",
        ),
        (
            object_schema(items={"properties": {"a": {"type": "float"}}}),
            "parameters.items.properties.a.type must be one of",
        ),
        (object_schema(required="city"), "parameters.required must be a list"),
        (object_schema(required=["a", "a"]), "parameters.required has an entry twice"),
        (object_schema(type="array"), "parameters.type must be “object”"),
        (object_schema(minProperties=-1), "parameters.minProperties must be at least 0"),
        ('{"name": "a", "name": "b"}', "$.name is there twice"),
        ('{"name": "\\ud800"}', "half a character"),
        ('{"name":\n"\ud800"}', "half a character (a lone surrogate) in line 2"),
        ('{"name": NaN}', "NaN in line 1 is no number of JSON"),
        ('{"name": 1' + "0" * 5000 + "}", "a number that is too large"),
        ("[" * 500 + "]" * 500, "nested more than 64 deep"),
        ('{"a":' * 500 + "1" + "}" * 500, "nested more than 64 deep"),
        ("[" * 90_000, "nested more than 64 deep"),
        ("x" * 5_000_000, "5,000,000 bytes, more than 100,000"),
        ("[" + ",".join(["3"] * 40_000) + "]", "40,000 tools"),
    ],
)
def test_refused_texts(text: str, words: str) -> None:
    assert words in refusal_message(text or " ")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"allOf": [{"$ref": "#"}]}, "refers to itself, through nothing but references"),
        (
            {"allOf": [{"$ref": "http://127.0.0.1:9/x"}]},
            "points outside of the schema, at “http://127.0.0.1:9/x”. Nothing is fetched",
        ),
        ({"allOf": [{"$ref": "#/$defs/none"}]}, "points at “#/$defs/none”, which is not there"),
        (
            {
                "allOf": [{"$ref": "#/d/0"}],
                "d": [*({"allOf": [{"$ref": f"#/d/{at + 1}"}] * 2} for at in range(60)), {}],
            },
            "takes too much work",
        ),
    ],
)
def test_schemas_that_could_never_be_checked(schema: dict[str, Any], words: str) -> None:
    assert words in refusal_message(object_schema(**schema))


def test_a_schema_may_refer_to_its_own_parts() -> None:
    tree = {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
    root = {"tree": {"type": "object", "description": "", "$ref": "#/$defs/tree"}}
    text = object_schema(**{"$defs": {"tree": tree}, "properties": root})
    assert len(tool_spec.read_tools(text)) == 1


def test_a_property_may_be_named_ref() -> None:
    named = {"$ref": {"type": "string", "description": "A reference.", "enum": [{"$ref": "http://x"}]}}
    assert len(tool_spec.read_tools(object_schema(properties=named))) == 1


def test_faults_name_the_tool_and_its_part() -> None:
    bad = Tool("a b", "d", '{"type": "object"')
    found = tool_spec.find_tool_faults(
        (Tool("a", "d", json.dumps(PARAMETERS)), bad, Tool("a", "\ud800", json.dumps(PARAMETERS)))
    )
    assert [(fault.number, fault.part) for fault in found] == [
        (1, "name"),
        (1, "parameters"),
        (2, "name"),
        (2, "description"),
    ]
    assert "line 1, column 18" in found[1].message
    with pytest.raises(BadInput, match=r"Tool 2: A name .* \(3 more to mend\.\)"):
        tool_spec.check_tools(
            (Tool("a", "d", json.dumps(PARAMETERS)), bad, Tool("a", "\ud800", json.dumps(PARAMETERS)))
        )


def test_broken_parameters_are_written_as_they_were_typed() -> None:
    broken = '{"type": "object", "properties": {"a": }'
    assert broken in tool_spec.write_tools((Tool("a", "d", broken), Tool("b", "d", json.dumps(PARAMETERS))))


@pytest.mark.parametrize(
    ("functions", "messages"),
    [
        ([], []),
        ([("up", "({ text }) => text.toUpperCase()\n"), ("b", 'x = "é"')], []),
        (
            [("a b", "1")],
            ["name: A name is made of the letters A to Z, digits, “_” and “-”, without spaces."],
        ),
        ([("a", " ")], ["code: The code is empty."]),
        ([("a", "1"), ("a", "1")], ["name: There is another of the name “a”."]),
        ([("a", "\ud800")], ["code: The code holds half a character (a lone surrogate)."]),
        ([("get_weather", "1")], ["name: There is a tool of the name “get_weather” already."]),
        ([("a", "x" * 100_001)], ["code: The functions have more than 100,000 characters."]),
    ],
)
def test_faults_of_functions(functions: list[tuple[str, str]], messages: list[str]) -> None:
    found = tool_spec.find_function_faults([Function(*pair) for pair in functions], read_values(FLAT))
    assert [f"{fault.part}: {fault.message}" for fault in found] == messages
