"""What a request may cost is decided before the work: lengths, numbers of parts, and characters of the prompt."""

from __future__ import annotations

from typing import Any

import pytest

from lib.twin.api_errors import TwinApiError
from lib.twin.gguf_file import UNKNOWN_LONGEST_TOKEN, UNKNOWN_MODEL_FILE, ModelFileInfo
from lib.twin.request_limits import (
    MAX_JSON_VALUES,
    MAX_MESSAGES,
    MAX_STOP_CHARS,
    MAX_STOP_TEXTS,
    MAX_TOOLS,
    MAX_TOOLS_CHARS,
    PromptLimits,
)
from lib.twin.request_mapping import read_stop
from lib.twin.request_validation import parse_body
from tests.twin.conftest import RunningTwin

LIMITS = PromptLimits(context=3_000, longest_token=10)
MESSAGE = {"role": "user", "content": "x"}
CALL = {"name": "f", "arguments": {}}


def code(body: Any) -> int:
    """Return the code of the refusal, 0 if there is none."""
    try:
        LIMITS.check(body)
    except TwinApiError as error:
        return error.response.code
    return 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"messages": [MESSAGE] * MAX_MESSAGES}, 0),
        ({"messages": [MESSAGE] * (MAX_MESSAGES + 1)}, 3006),
        ({"messages": [MESSAGE] * 3_001}, 5021),
        # Invalid messages count as well: to describe each fault takes longer than to accept it.
        ({"messages": [{}] * 3_001}, 5021),
        ({"messages": [{**MESSAGE, "tool_calls": [CALL] * (MAX_MESSAGES - 1)}]}, 5021),
        ({"messages": [{**MESSAGE, "tool_calls": [0] * (MAX_MESSAGES - 1)}]}, 0),
        ({"messages": [{**MESSAGE, "tool_calls": [0] * MAX_MESSAGES}]}, 3006),
        ({"prompt": "x" * 30_000}, 0),
        ({"prompt": "x" * 30_001}, 5021),
        ({"messages": [{"role": "user", "content": "x" * 29_990}]}, 0),
        ({"messages": [{"role": "user", "content": "x" * 29_991}]}, 5021),
        ({"messages": [{"role": "user", "content": "x" * 30_000}], "raw": True}, 0),
        ({"messages": [{"role": "user", "content": "x" * 15_000}] * 2, "raw": True}, 0),
        ({"messages": [{"role": "user", "content": "x" * 15_001}] * 2, "raw": True}, 5021),
        ({"messages": [{"role": "tool", "content": "", "name": "x" * 30_000}]}, 5021),
        ({"tools": [{}] * MAX_TOOLS}, 0),
        ({"tools": [{}] * MAX_TOOLS, "functions": [{}]}, 5006),
        ({"functions": [{}] * (MAX_TOOLS + 1)}, 5006),
        ({"tools": [{"description": "x" * MAX_TOOLS_CHARS}]}, 5006),
        # The schema decides about these.
        ([MESSAGE] * 4_000, 0),
        ({"messages": "x", "tools": 1, "functions": {}, "prompt": []}, 0),
        ({"messages": [1, None, {"content": 1, "tool_calls": {}}]}, 0),
    ],
)
def test_prompt_limits(body: Any, expected: int) -> None:
    assert code(body) == expected


def test_the_refusal_names_the_estimate_and_the_context() -> None:
    with pytest.raises(TwinApiError) as refused:
        LIMITS.check({"prompt": "x" * 40_000, "max_tokens": 7})
    assert (
        "output tokens (4007) exceeded this model context window limit (3000)"
        in refused.value.response.message
    )


def test_the_longest_token_of_a_vocabulary() -> None:
    assert ModelFileInfo("", 0, "", tokens=("a", "abc", "ab")).longest_token == 3
    assert UNKNOWN_MODEL_FILE.longest_token == UNKNOWN_LONGEST_TOKEN


def test_too_many_values_are_refused_before_they_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(parse_body(b"[" + b"0," * (MAX_JSON_VALUES - 1) + b"0]")) == MAX_JSON_VALUES
    monkeypatch.setattr("json.loads", lambda *_, **__: pytest.fail("the body was parsed"))
    for values in (
        b"0," * MAX_JSON_VALUES,
        b"[]," * (MAX_JSON_VALUES // 2),
        b'{"a":0},' * (MAX_JSON_VALUES // 2),
    ):
        with pytest.raises(TwinApiError) as refused:
            parse_body(b"[" + values + b"0]")
        assert refused.value.response.code == 3006


@pytest.mark.parametrize("stop", [["x"] * (MAX_STOP_TEXTS + 1), ["x" * (MAX_STOP_CHARS + 1)]])
def test_too_many_stop_texts(stop: list[str]) -> None:
    assert read_stop({"stop": ["x" * MAX_STOP_CHARS] * MAX_STOP_TEXTS})
    with pytest.raises(TwinApiError) as refused:
        read_stop({"stop": stop})
    assert refused.value.response.code == 5006


@pytest.mark.parametrize(
    "path", ["run/@cf/meta/llama-3.2-1b-instruct", "v1/chat/completions", "paddock/prompt"]
)
def test_every_endpoint_checks_the_number_of_messages_first(twin: RunningTwin, path: str) -> None:
    # Validated, they would be refused with 5006 and 60,000 reasons; in the chat template they would take minutes.
    body = {"model": "@cf/meta/llama-3.2-1b-instruct", "messages": [{"role": 1}] * 60_000}
    response = twin.client.post(twin.path(path), json=body)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (413, 5021)
