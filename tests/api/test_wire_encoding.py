"""Encoded requests: every property of both documented shapes, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator

from lib.api import wire
from lib.api.request import Messages, Prompt, RequestInput, Turn, build_input, build_request
from lib.errors import BadInput
from lib.model import model_record
from lib.model.request_options import Features, Function, InputForm, ResponseFormat, Tool, ToolCall

MODEL = model_record.default_model()
PARAMETERS = (
    '{"type": "object", "properties": {"a": {"type": "number", "description": "A."}}, "required": ["a"]}'
)
FLAT, NESTED = Tool("add", "Adds.", PARAMETERS), Tool("add", "Adds.", PARAMETERS, nested=True)
HI = (Turn("user", "Hi"),)
WHOLE_TOOL = {"name": "add", "description": "Adds.", "parameters": json.loads(PARAMETERS)}
SCHEMA = ResponseFormat('{"type": "object", "properties": {"a": {"type": "number"}}}')


def encode_body(
    input: RequestInput, stream: bool = True, format: ResponseFormat | None = None, **parameters: float
) -> Any:
    return wire.encode_request(build_request(MODEL, input, parameters, stream=stream, response_format=format))


# The documented shapes: model page of @cf/meta/llama-3.2-1b-instruct, "API Schemas", written out by hand.
CASES: list[tuple[Any, dict[str, Any]]] = [
    (encode_body(Messages(HI)), {"messages": [{"role": "user", "content": "Hi"}], "stream": True}),
    (encode_body(Prompt("Hi"), stream=False), {"prompt": "Hi", "stream": False}),
    (encode_body(Prompt("Hi", raw=True)), {"prompt": "Hi", "raw": True, "stream": True}),
    (
        encode_body(Messages(HI, raw=True)),
        {"messages": [{"role": "user", "content": "Hi"}], "raw": True, "stream": True},
    ),
    (encode_body(Prompt("Hi", lora="pirate")), {"prompt": "Hi", "lora": "pirate", "stream": True}),
    (
        encode_body(Messages(HI, tools=(FLAT, NESTED))),
        {
            "messages": [{"role": "user", "content": "Hi"}],
            "tools": [WHOLE_TOOL, {"type": "function", "function": WHOLE_TOOL}],
            "stream": True,
        },
    ),
    (
        encode_body(Messages(HI, functions=(Function("add", "(a, b) => a + b"),))),
        {
            "messages": [{"role": "user", "content": "Hi"}],
            "functions": [{"name": "add", "code": "(a, b) => a + b"}],
            "stream": True,
        },
    ),
    # JSON mode as documented: the schema without a wrapper, and never streamed (code 5023).
    (
        encode_body(Prompt("Hi"), format=SCHEMA),
        {
            "prompt": "Hi",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"type": "object", "properties": {"a": {"type": "number"}}},
            },
            "stream": False,
        },
    ),
    (
        encode_body(Messages(HI), format=ResponseFormat()),
        {
            "messages": [{"role": "user", "content": "Hi"}],
            "response_format": {"type": "json_object"},
            "stream": False,
        },
    ),
    (
        encode_body(Messages(HI), temperature=0.5, top_k=7.0),
        {"messages": [{"role": "user", "content": "Hi"}], "stream": True, "temperature": 0.5, "top_k": 7},
    ),
    # A call and its result. "content": null is refused (5006), so the text is empty.
    (
        encode_body(
            Messages(
                (
                    *HI,
                    Turn("assistant", "", (ToolCall("call_1", "add", '{"a": 1}'),)),
                    Turn("tool", "2", call_id="call_1", name="add"),
                )
            )
        ),
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "add", "arguments": '{"a": 1}'},
                        }
                    ],
                },
                {"role": "tool", "content": "2", "tool_call_id": "call_1", "name": "add"},
            ],
            "stream": True,
        },
    ),
]


@pytest.mark.reaches_wire("messages[].role", "messages[].content")
@pytest.mark.parametrize(("encoded", "expected"), CASES)
def test_as_documented(encoded: Any, expected: dict[str, Any]) -> None:
    assert encoded == expected
    assert [error.message for error in Draft7Validator(MODEL.input_schema).iter_errors(encoded)] == []


def test_no_property_of_the_schema_is_left_out() -> None:
    """Every documented property of both shapes is in some request above."""
    written: set[tuple[str, str]] = set()
    for encoded, _ in CASES:
        shape = "prompt" if "prompt" in encoded else "messages"
        written |= {(shape, name) for name in encoded}
    sampling = {parameter.name for parameter in MODEL.parameters}
    for shape in MODEL.input_schema["oneOf"]:
        (kind,) = shape["required"]
        documented = {(kind, name) for name in shape["properties"] if name not in sampling}
        assert documented <= written


@pytest.mark.parametrize("kind", ["messages", "prompt"])
@pytest.mark.parametrize("parameter", MODEL.parameters, ids=lambda parameter: parameter.name)
def test_every_parameter_on_both_shapes(kind: str, parameter: model_record.Parameter) -> None:
    input: RequestInput = Messages(HI) if kind == "messages" else Prompt("Hi")
    value = parameter.cast(parameter.start)
    assert encode_body(input, **{parameter.name: value})[parameter.name] == value


def test_what_a_form_does_not_take_is_left_out() -> None:
    everything = Features(
        InputForm.MESSAGES, raw=False, lora="pirate", tools=(FLAT,), functions=(Function("f", "x"),)
    )
    assert build_input(everything, HI) == Messages(HI, False, (FLAT,), (Function("f", "x"),))
    prompt = Features(InputForm.PROMPT, raw=True, lora=" pirate ", tools=(FLAT,))
    assert build_input(prompt, (Turn("system", "Be kind."), *HI)) == Prompt("Hi", True, "pirate")
    with pytest.raises(BadInput, match="empty"):
        build_request(MODEL, build_input(prompt, ()))


@pytest.mark.parametrize(
    ("input", "format", "says"),
    [
        (
            Messages(HI, tools=(Tool("add", "Adds.", "{"),)),
            None,
            "parameters of the tool “add” is not complete: .* line 1",
        ),
        (Messages(HI, tools=(Tool("add", "\ud800", "{}"),)), None, "half a character"),
        (Messages(HI, functions=(Function("f", "\udfff"),)), None, "half a character"),
        (Prompt("Hi", lora="\ud800"), None, "half a character"),
        (Prompt("Hi"), ResponseFormat('{"a":\n 1,,}'), "JSON schema is not JSON: .* line 2"),
        (Prompt("Hi"), ResponseFormat('{"maximum": NaN}'), "not JSON: NaN in line 1"),
        (Prompt("Hi"), ResponseFormat("[" * 100_000), "nested too deeply"),
        (Prompt("Hi"), ResponseFormat("1" * 5_000), "a number that is too large"),
        (Prompt("Hi"), ResponseFormat('"\ud800"'), "half a character"),
    ],
)
def test_what_cannot_be_sent(input: RequestInput, format: ResponseFormat | None, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        build_request(MODEL, input, response_format=format)
    assert caught.value.advice
