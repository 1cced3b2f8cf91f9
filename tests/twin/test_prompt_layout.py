"""The endpoint that shows a request's prompt: its answer, its errors, and that it needs no slot."""

from __future__ import annotations

from typing import Any

import pytest

from tests.twin.conftest import STORY, WEATHER, RunningTwin
from tests.twin.test_slots import FOREVER, raw_request

SHORT = {
    "type": "json_schema",
    "json_schema": {"description": "Whether it is so. 🦊 <|im_end|>", "type": "boolean"},
}


def show_prompt(twin: RunningTwin, **body: Any) -> dict[str, Any]:
    response = twin.client.post(twin.path("paddock/prompt"), json=body)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()["result"]
    return result


@pytest.mark.parametrize(
    "choice", ["none", "required", {"type": "function", "function": {"name": "weather"}}]
)
def test_tool_choice_is_counted(twin: RunningTwin, choice: Any) -> None:
    messages = [{"role": "user", "content": "Is it raining in London?"}]
    clock = {**WEATHER, "name": "clock", "description": "The time now in a city"}
    request = {"messages": messages, "tools": [WEATHER, clock], "tool_choice": choice, "max_tokens": 1}
    used = twin.ask(**request).json()["result"]["usage"]["prompt_tokens"]
    assert show_prompt(twin, **request)["prompt_tokens"] == used


def test_the_answer(twin: RunningTwin) -> None:
    # ChatML as SmolLM2's own template writes it.
    result = show_prompt(twin, prompt="Hello")
    assert list(result) == [
        *("prompt", "prompt_tokens", "special_tokens", "chat_format", "context_window", "note"),
    ]
    assert result["note"] == ""
    assert result["prompt"] == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    )
    assert {"<|im_start|>", "<|im_end|>", "<|endoftext|>"} <= set(result["special_tokens"])
    assert "Hello" not in result["special_tokens"]
    assert (result["chat_format"], result["context_window"]) == ("ChatML", 8192)


def test_schema_and_tools_are_in_the_prompt(twin: RunningTwin) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it so?"}]
    prompt = show_prompt(twin, messages=messages, response_format=SHORT)["prompt"]
    assert prompt.startswith("<|im_start|>system\nBe brief.\n\n")
    assert '{"description": "Whether it is so. 🦊 <|im_end|>", "type": "boolean"}' in prompt
    assert (
        '"name": "weather", "description": "The weather now in a city"'
        in show_prompt(twin, messages=messages, tools=[WEATHER])["prompt"]
    )
    code = "(a, b) => a + b"
    assert code in show_prompt(twin, messages=messages, functions=[{"name": "add", "code": code}])["prompt"]
    assert show_prompt(twin, messages=messages, tools=[WEATHER], tool_choice="none") == show_prompt(
        twin, messages=messages
    )


def test_it_needs_no_slot(twin: RunningTwin) -> None:
    with raw_request(twin, FOREVER), raw_request(twin, FOREVER), raw_request(twin, FOREVER):
        twin.wait_for(running=2, waiting=1)
        assert show_prompt(twin, prompt=STORY)["prompt_tokens"] > 10
        assert twin.slots()["waiting"] == 1
    twin.wait_for(running=0, waiting=0)


def test_a_prompt_over_the_context_is_counted(twin: RunningTwin) -> None:
    assert show_prompt(twin, prompt=" a" * 9000, raw=True, max_tokens=1)["prompt_tokens"] == 9000


@pytest.mark.parametrize(
    "body", [{}, {"prompt": ""}, {"prompt": "x", "temperature": 9}, {"prompt": "x", "tools": [WEATHER]}]
)
def test_bad_input(twin: RunningTwin, body: dict[str, Any]) -> None:
    response = twin.client.post(twin.path("paddock/prompt"), json=body)
    assert response.json()["errors"][0]["code"] == 5006


def test_it_needs_the_token(twin: RunningTwin) -> None:
    headers = {"authorization": "Bearer " + "a" * 40}
    response = twin.client.post(twin.path("paddock/prompt"), json={"prompt": "x"}, headers=headers)
    assert response.json()["errors"][0]["code"] == 10000
