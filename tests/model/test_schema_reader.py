"""The reader of models' input schemas: documented records, odd schemas one by one, and generated ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies

from lib.model import model_record, schema_reader
from lib.model.schema_alternatives import MAX_STEPS, SchemaWalk
from lib.model.schema_reader import (
    DocumentedParameter,
    InputSchema,
    Omission,
    ParameterKind,
    read_input_schema,
)
from tests.model import generated_schemas
from tests.model.catalogue_records import RECORDS


def read_parameter(schema: Any, **root: Any) -> DocumentedParameter | Omission:
    """Return what the reader says of one property of a request."""
    read = read_input_schema({"properties": {"messages": {}, "x": schema}, **root})
    return {
        **{parameter.name: parameter for parameter in read.parameters},
        **{omitted.name: omitted.reason for omitted in read.omitted},
    }["x"]


@pytest.mark.parametrize("record", RECORDS.values(), ids=list(RECORDS))
def test_documented_records(record: dict[str, Any]) -> None:
    read = read_input_schema(record["input"])
    assert {
        parameter.name: [
            parameter.kind.value,
            parameter.minimum,
            parameter.maximum,
            parameter.default,
            *([list(parameter.choices)] if parameter.choices else []),
        ]
        for parameter in read.parameters
    } == record["expected"]["parameters"]
    assert {omitted.name: omitted.reason.name for omitted in read.omitted} == record["expected"]["omitted"]
    assert ({"messages", "prompt", "stream"} <= read.fields) == bool(record["input"])


def test_the_default_record_is_read_by_it() -> None:
    model = model_record.default_model()
    read = read_input_schema(model.input_schema)
    assert [parameter.name for parameter in read.parameters] == [
        parameter.name for parameter in model.parameters
    ]
    assert read.omitted == ()
    assert read.fields == schema_reader.REQUEST_FIELDS


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["integer", "null"], "minimum": 1}, ("integer", 1, None, None, ())),
        ({"type": "number", "nullable": True, "default": None}, ("number", None, None, None, ())),
        ({"$ref": "#/$defs/a~1b", "default": 2}, ("integer", 0, 3, 2, ())),
        ({"allOf": [{"$ref": "#/$defs/a~1b"}, {"minimum": 1}]}, ("integer", 1, 3, None, ())),
        ({"type": "number", "allOf": [{"type": "integer"}]}, ("integer", None, None, None, ())),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9}, ("integer", 1, 8, None, ())),
        ({"type": "integer", "minimum": 0, "exclusiveMinimum": True}, ("integer", 1, None, None, ())),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, ("number", 0.001, 1, None, ())),
        ({"minimum": 0, "maximum": 1}, ("number", 0, 1, None, ())),
        ({"type": "number", "minimum": float("nan"), "maximum": 10**400}, ("number", None, None, None, ())),
        ({"type": "number", "minimum": True, "maximum": "9"}, ("number", None, None, None, ())),
        # A default that the bounds or the kind exclude is not the model's.
        ({"type": "integer", "minimum": 1, "default": 0}, ("integer", 1, None, None, ())),
        ({"type": "integer", "default": 0.5}, ("integer", None, None, None, ())),
        ({"type": "integer", "default": 2.0}, ("integer", None, None, 2, ())),
        ({"type": "boolean", "default": 1}, ("switch", None, None, None, ())),
        ({"enum": [True, False, None], "default": True}, ("switch", None, None, True, ())),
        ({"enum": ["a", None, "b"], "default": "b"}, ("choice", None, None, "b", ("a", "b"))),
        ({"enum": ["a", "b"], "default": "c"}, ("choice", None, None, None, ("a", "b"))),
        ({"type": "integer", "enum": [1, "2", 4]}, ("choice", None, None, None, (1, 4))),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, ("choice", None, None, None, ("a", "b"))),
        ({"anyOf": [{"type": "array"}, {"enum": ["a"]}]}, ("choice", None, None, None, ("a",))),
        ({"type": "integer", "minimum": 2, "maximum": 1}, Omission.CONTRADICTION),
        ({"type": "string", "enum": [1]}, Omission.CONTRADICTION),
        ({"type": "string"}, Omission.TEXT),
        ({"anyOf": [{"type": "null"}, {"type": "string"}, {"type": "array"}]}, Omission.TEXT),
        ({"type": "array"}, Omission.LIST),
        ({"type": "object"}, Omission.OBJECT),
        ({"type": "null"}, Omission.UNKNOWN),
        ({"type": "novelty"}, Omission.UNKNOWN),
        ({"$ref": "#/$defs/loop"}, Omission.UNKNOWN),
        ({"$ref": "#/nowhere"}, Omission.UNKNOWN),
        ({"$ref": "https://elsewhere.example/schema"}, Omission.UNKNOWN),
        ({"type": "number", "allOf": [{"type": "string"}]}, Omission.UNKNOWN),
        ({}, Omission.UNKNOWN),
        (True, Omission.UNKNOWN),
        (None, Omission.UNKNOWN),
    ],
)
def test_one_property(schema: Any, expected: Any) -> None:
    definitions = {
        "a/b": {"type": "integer", "minimum": 0, "maximum": 3},
        "loop": {"anyOf": [{"$ref": "#/$defs/loop"}]},
    }
    read = read_parameter(schema, **{"$defs": definitions})
    if isinstance(read, DocumentedParameter):
        assert (read.kind, read.minimum, read.maximum, read.default, read.choices) == expected
        assert type(read.default) is type(expected[3])
    else:
        assert read is expected


def test_forms_that_differ() -> None:
    """A value is sent with messages and with a prompt: it has to suit both."""

    def read(prompt: Any, messages: Any) -> InputSchema:
        return read_input_schema(
            {
                "oneOf": [
                    {"properties": {"prompt": {}, "x": prompt}},
                    {"properties": {"messages": {}, "x": messages}},
                ]
            }
        )

    wide, narrow = {"type": "number", "minimum": -2, "maximum": 2}, {"type": "number", "minimum": 0}
    assert read(wide, narrow).parameters == (DocumentedParameter("x", ParameterKind.NUMBER, "", 0, 2),)
    both = read({"enum": ["a", "b"], "default": "a"}, {"enum": ["b", "c"]}).parameters[0]
    assert (both.choices, both.default) == (("b",), None)
    assert read({"type": "string"}, narrow).parameters[0].minimum == 0
    assert read({"type": "number", "maximum": -1}, narrow).omitted[0].reason is Omission.CONTRADICTION


def test_a_model_that_takes_no_messages() -> None:
    read = read_input_schema({"properties": {"text": {"type": "string"}, "target_lang": {"enum": ["de"]}}})
    assert read.parameters == ()
    assert {omitted.reason for omitted in read.omitted} == {Omission.OTHER_FORM}


@pytest.mark.parametrize("schema", [None, True, [], "x", 1, {}, {"oneOf": []}, {"properties": []}])
def test_no_schema(schema: Any) -> None:
    assert read_input_schema(schema) == InputSchema()


def test_work_is_limited() -> None:
    """A schema that doubles at each level would take 2^30 steps."""
    doubling = {"$defs": {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)}}
    read = read_input_schema({"properties": {"messages": {}, "x": {"$ref": "#/$defs/d0"}}, **doubling})
    assert [omitted.reason for omitted in read.omitted] == [Omission.TOO_LARGE] * 2
    many = read_input_schema(
        {"properties": {"messages": {}} | {f"x{n}": {"type": "number"} for n in range(1_000)}}
    )
    assert len(many.parameters) == schema_reader.MAX_PROPERTIES - 1
    assert many.omitted[-1].reason is Omission.TOO_LARGE


@settings(max_examples=150, deadline=None)
@given(strategies.integers(0, 2**32))
def test_generated_schemas(seed: int) -> None:
    """None fails, none takes more than its steps, and every named property is either offered or left out."""
    schema = generated_schemas.generate_schema(seed)
    steps = 0

    class Counting(SchemaWalk):
        def spend(self) -> bool:
            nonlocal steps
            steps += 1
            return super().spend()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema_reader, "SchemaWalk", Counting)
        read = read_input_schema(schema)
    # One walk for the request, one for each form's messages; a step that is refused ends its branch.
    assert steps <= 60 * MAX_STEPS
    names = [parameter.name for parameter in read.parameters]
    omitted = [omitted.name for omitted in read.omitted if omitted.name not in ("", "messages")]
    assert len(set(names + omitted)) == len(names + omitted)
    for parameter in read.parameters:
        match parameter.kind:
            case ParameterKind.CHOICE:
                assert parameter.choices
                assert parameter.default is None or parameter.default in parameter.choices
            case ParameterKind.SWITCH:
                assert parameter.default in (None, True, False)
            case _:
                bounds = [
                    b for b in (parameter.minimum, parameter.default, parameter.maximum) if b is not None
                ]
                assert bounds == sorted(bounds)
