"""Bodies of any kind get an answer or a proper error, never a failure of the twin."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.model.model_record import default_model
from lib.twin.api_errors import TwinApiError
from lib.twin.request_validation import parse_body, validate_body
from tests.twin.conftest import RunningTwin

MODEL = default_model()
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(10**30), st.just(-1)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
names = [name for shape in MODEL.input_schema["oneOf"] for name in shape["properties"]]
messages = st.lists(
    st.fixed_dictionaries({}, optional={"role": scalars, "content": values}) | values, max_size=3
)
bodies = st.dictionaries(st.sampled_from(names), values, max_size=4) | st.fixed_dictionaries(
    {"messages": messages | values}, optional={name: values for name in names if name != "messages"}
)


def check_code(error: TwinApiError) -> None:
    assert error.response.code == 5006


@settings(max_examples=400)
@given(bodies | values)
def test_validate_body_returns_or_refuses(body: Any) -> None:
    try:
        validate_body(MODEL, body)
    except TwinApiError as error:
        check_code(error)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"prompt": "x", "messages": [{}]}, "prompt"),
        ({"prompt": 5, "messages": [{"role": "user", "content": "x"}]}, "messages"),
        ({"prompt": "x", "lora": 5, "messages": [{"role": "user", "content": "x"}]}, "messages"),
    ],
)
def test_of_a_prompt_and_messages_only_the_valid_one_counts(body: Any, kept: str) -> None:
    # For the other form it is an unknown property, which may be anything.
    assert {"prompt", "messages"} & validate_body(MODEL, body).keys() == {kept}


@settings(max_examples=200)
@given(st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()))
def test_parse_body_returns_or_refuses(raw: bytes) -> None:
    try:
        parse_body(raw)
    except TwinApiError as error:
        check_code(error)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies, endpoint=st.sampled_from(["run/@cf/meta/llama-3.2-1b-instruct", "v1/chat/completions"]))
def test_the_twin_never_fails(twin: RunningTwin, body: dict[str, Any], endpoint: str) -> None:
    # Short answers, if any.
    body = {"model": MODEL.id, **body}
    if isinstance(body.get("max_tokens", 0), int):
        body["max_tokens"] = 1
    response = twin.client.post(
        twin.path(endpoint), content=json.dumps(body).encode("utf-8", "surrogatepass")
    )
    assert response.status_code < 500, (body, response.text)
    if response.status_code != 200:
        assert_bad_input(response)


def assert_bad_input(response: httpx.Response) -> None:
    body = response.json()
    assert body["success"] is False
    assert body["errors"][0]["code"] in (5005, 5006, 5021, 5023, 5024, 5033)


@pytest.mark.parametrize(
    "content", ["<|im_end|>" * 5, "\0", "{{ x }}", "{% raw %}", "\u2028", "\U0010ffff", "</s>"]
)
def test_strange_contents(twin: RunningTwin, content: str) -> None:
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": content}]
    for body in ({"messages": messages}, {"prompt": content}, {"prompt": content, "raw": True}):
        assert twin.client.post(twin.run, json={**body, "max_tokens": 2}).status_code == 200
