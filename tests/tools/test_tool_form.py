"""Flat JSON Schemas convert to rows of a form and back; other schemas have no rows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.model.request_options import Tool
from lib.tools import tool_spec
from lib.tools.sample_tools import SAMPLE_TOOLS
from lib.tools.tool_form import ParameterType, ToolParameter, find_row_faults, rows_to_schema, schema_to_rows

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
choices = st.lists(texts, min_size=1, max_size=4, unique=True).map(tuple)


@st.composite
def parameters(draw: st.DrawFn) -> tuple[ToolParameter, ...]:
    def one(name: str) -> ToolParameter:
        kind = draw(st.sampled_from(ParameterType))
        rows = draw(choices) if kind is ParameterType.CHOICE else ()
        return ToolParameter(name, draw(texts), kind, draw(st.booleans()), rows)

    return tuple(map(one, draw(st.lists(texts.filter(str.strip), max_size=5, unique=True))))


@given(parameters())
def test_rows_survive_the_round_trip(rows: tuple[ToolParameter, ...]) -> None:
    text = rows_to_schema(rows)
    assert schema_to_rows(text) == rows
    assert tool_spec.find_tool_faults((Tool("t", "", text),)) == ()
    assert find_row_faults(rows) == tuple({} for _ in rows)


@given(parameters())
def test_a_flat_schema_survives_the_round_trip(rows: tuple[ToolParameter, ...]) -> None:
    text = rows_to_schema(rows)
    assert json.loads(rows_to_schema(schema_to_rows(text) or ())) == json.loads(text)


def test_the_sample_tools_have_rows() -> None:
    for one in SAMPLE_TOOLS:
        assert schema_to_rows(one.tool.parameters)


FLAT: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string", "description": "d"}}}


def with_a(**more: Any) -> dict[str, Any]:
    return FLAT | {"properties": {"a": FLAT["properties"]["a"] | more}}


@pytest.mark.parametrize(
    "beyond",
    [
        FLAT | {"additionalProperties": False},
        FLAT | {"type": "array"},
        FLAT | {"required": ["b"]},
        FLAT | {"required": ["a", "a"]},
        FLAT | {"required": "a"},
        FLAT | {"required": [["a"]]},
        FLAT | {"properties": []},
        with_a(default="x"),
        with_a(type="array", items={"type": "string"}),
        with_a(type="object", properties={}),
        with_a(type="number", enum=[1, 2]),
        with_a(enum=["a", 1]),
        with_a(enum=["a", "a"]),
        with_a(enum=[]),
        with_a(description=3),
        with_a(pattern="x"),
        {"type": "object"},
        [],
        None,
    ],
)
def test_schemas_that_rows_cannot_show(beyond: Any) -> None:
    assert schema_to_rows(json.dumps(beyond)) is None


def test_invalid_schemas_have_no_rows() -> None:
    assert schema_to_rows('{"type": "object"') is None
    assert schema_to_rows("[" * 100_000) is None


def test_faults_of_rows() -> None:
    rows = (ToolParameter("a"), ToolParameter(" "), ToolParameter("a", kind=ParameterType.CHOICE))
    first, second, third = find_row_faults(rows)
    assert first == {}
    assert second == {"name": "A parameter needs a name."}
    assert third["name"] == "There is another “a”."
    assert "press Enter" in third["choices"]
