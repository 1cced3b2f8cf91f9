"""How a request is laid out: the text, and a count that equals what the same request then uses, in every form."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from tests.twin.conftest import STORY, Twin
from tests.twin.test_slots import FOREVER, raw_request

PIECES = [
    *("Hello", "fox", "🦊", "👩‍👩‍👧‍👦", "你好世界", "العربية", "é", "e\u0301", "\n", "\n\n  ", "\t", "  "),
    *("{{ x }}", '"', "\\", "{", "}", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_start|>system\n"),
    *("</s>", "0123456789", "\u2028", "a" * 40, "|", "'"),
]
WEATHER = {
    "name": "weather",
    "description": "The weather now in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city's name"}},
        "required": ["city"],
    },
}
SHORT = {
    "type": "json_schema",
    "json_schema": {"description": "Whether it is so. 🦊 <|im_end|>", "type": "boolean"},
}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo 🦊"}'}}


def text(chance: random.Random) -> str:
    return "".join(chance.choice(PIECES) + chance.choice(["", " "]) for _ in range(chance.randint(1, 5)))


def turns(chance: random.Random) -> list[dict[str, Any]]:
    roles = ["system"] if chance.random() < 0.3 else []
    roles += [("user", "assistant")[n % 2] for n in range(chance.choice([1, 1, 2, 3, 4]))]
    return [{"role": role, "content": text(chance)} for role in roles]


FORMS = [
    "messages",
    "prompt",
    "raw",
    "raw messages",
    "json",
    "json prompt",
    "json raw",
    "tools",
    "results",
    "functions",
]


def body(form: str, chance: random.Random) -> dict[str, Any]:
    match form:
        case "messages":
            return {"messages": turns(chance)}
        case "prompt":
            return {"prompt": text(chance)}
        case "raw":
            return {"prompt": text(chance), "raw": True}
        case "raw messages":
            return {"messages": turns(chance), "raw": True}
        case "json":
            return {"messages": turns(chance), "response_format": SHORT}
        case "json prompt":
            return {"prompt": text(chance), "response_format": SHORT}
        case "json raw":
            return {"prompt": text(chance), "raw": True, "response_format": SHORT}
        case "tools":
            choice = chance.choice(
                ["required", "none", {"type": "function", "function": {"name": "weather"}}]
            )
            return {"messages": turns(chance), "tools": [WEATHER], "tool_choice": choice}
        case "results":
            flat = {"name": "weather", "arguments": {"city": text(chance)}}
            asked = {"role": "assistant", "content": "", "tool_calls": [chance.choice([CALL, flat])]}
            result = {"role": "tool", "tool_call_id": "c1", "content": text(chance)}
            return {"messages": [*turns(chance), asked, result], "tools": [WEATHER]}
        case _:
            function = {"name": "add", "code": f"function add(a, b) {{ /* {text(chance)} */ return a + b }}"}
            return {"messages": turns(chance), "functions": [function], "tool_choice": "required"}


def laid(twin: Twin, **body: Any) -> dict[str, Any]:
    response = twin.client.post(twin.path("paddock/prompt"), json=body)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()["result"]
    return result


@pytest.mark.parametrize("form", FORMS)
def test_the_count_is_what_is_used(twin: Twin, form: str) -> None:
    for seed in range(10):  # ten forms: a hundred conversations
        request = {
            **body(form, random.Random(f"{form} {seed}")),
            "seed": 1,
            "max_tokens": 4 if "json" in form else 1,
        }
        told, response = laid(twin, **request), twin.ask(**request)
        assert response.status_code == 200, (request, response.text)
        usage = response.json()["result"]["usage"]
        assert told["prompt_tokens"] == usage["prompt_tokens"], request
        raw = {"prompt": told["prompt"], "raw": True}
        assert laid(twin, **raw)["prompt_tokens"] == told["prompt_tokens"]
        assert laid(twin, **raw)["prompt"] == told["prompt"]


@pytest.mark.parametrize("form", ["messages", "prompt", "raw", "raw messages", "results"])
def test_the_text_can_be_sent_as_it_is(twin: Twin, form: str) -> None:
    request = {**body(form, random.Random(form)), "temperature": 0, "max_tokens": 12}
    again = {"prompt": laid(twin, **request)["prompt"], "raw": True, "temperature": 0, "max_tokens": 12}
    assert twin.ask(**again).json()["result"] == twin.ask(**request).json()["result"]


def test_what_is_told(twin: Twin) -> None:
    # ChatML as SmolLM2's own template writes it.
    told = laid(twin, prompt="Hello")
    assert list(told) == ["prompt", "prompt_tokens", "special_tokens", "chat_format", "context_window"]
    assert told["prompt"] == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    )
    assert {"<|im_start|>", "<|im_end|>", "<|endoftext|>"} <= set(told["special_tokens"])
    assert "Hello" not in told["special_tokens"]
    assert (told["chat_format"], told["context_window"]) == ("ChatML", 8192)


def test_schema_and_tools_are_in_the_prompt(twin: Twin) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it so?"}]
    told = laid(twin, messages=messages, response_format=SHORT)["prompt"]
    assert told.startswith("<|im_start|>system\nBe brief.\n\n")
    assert '{"description": "Whether it is so. 🦊 <|im_end|>", "type": "boolean"}' in told
    assert (
        '"name": "weather", "description": "The weather now in a city"'
        in laid(twin, messages=messages, tools=[WEATHER])["prompt"]
    )
    code = "(a, b) => a + b"
    assert code in laid(twin, messages=messages, functions=[{"name": "add", "code": code}])["prompt"]
    assert laid(twin, messages=messages, tools=[WEATHER], tool_choice="none") == laid(twin, messages=messages)


def test_it_waits_for_no_slot(twin: Twin) -> None:
    with raw_request(twin, FOREVER), raw_request(twin, FOREVER), raw_request(twin, FOREVER):
        twin.wait_for(running=2, waiting=1)
        begun = time.monotonic()
        for _ in range(5):
            assert laid(twin, prompt=STORY)["prompt_tokens"] > 10
        assert (time.monotonic() - begun) / 5 < 1
        assert twin.slots()["waiting"] == 1
    twin.wait_for(running=0, waiting=0)


def test_more_than_fits_is_counted_too(twin: Twin) -> None:
    assert laid(twin, prompt=" a" * 9000, raw=True, max_tokens=1)["prompt_tokens"] == 9000


@pytest.mark.parametrize(
    "body", [{}, {"prompt": ""}, {"prompt": "x", "temperature": 9}, {"prompt": "x", "tools": [WEATHER]}]
)
def test_bad_input(twin: Twin, body: dict[str, Any]) -> None:
    response = twin.client.post(twin.path("paddock/prompt"), json=body)
    assert response.json()["errors"][0]["code"] == 5006


def test_strangers_are_not_let_in(twin: Twin) -> None:
    headers = {"authorization": "Bearer " + "a" * 40}
    response = twin.client.post(twin.path("paddock/prompt"), json={"prompt": "x"}, headers=headers)
    assert response.json()["errors"][0]["code"] == 10000
