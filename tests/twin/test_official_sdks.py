"""The official SDKs, unmodified, against the twin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import cloudflare
import openai
import pytest

from tests.twin.conftest import MODEL, STORY, TOKEN, WEATHER, RunningTwin


@pytest.fixture(scope="module")
def sdk(twin: RunningTwin) -> Iterator[cloudflare.Cloudflare]:
    with cloudflare.Cloudflare(api_token=TOKEN, base_url=twin.base_url) as client:
        yield client


@pytest.fixture(scope="module")
def chat(twin: RunningTwin) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=TOKEN, base_url=twin.path("v1"), max_retries=0) as client:
        yield client


def test_cloudflare_run(twin: RunningTwin, sdk: cloudflare.Cloudflare) -> None:
    result = sdk.ai.run(MODEL, account_id=twin.account, prompt=STORY, max_tokens=24, temperature=0)
    assert result["response"] == twin.answer(temperature=0)  # type: ignore[call-overload,index]
    raw = sdk.ai.with_raw_response.run(MODEL, account_id=twin.account, prompt=STORY, max_tokens=1)
    assert raw.headers["cf-ai-neurons"]


def test_cloudflare_stream(twin: RunningTwin, sdk: cloudflare.Cloudflare) -> None:
    # .run(stream=True) fails inside the SDK itself.
    with sdk.ai.with_streaming_response.run(
        MODEL, account_id=twin.account, prompt=STORY, max_tokens=24, temperature=0, stream=True
    ) as response:
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line]
    assert lines[-1] == "[DONE]"
    assert "".join(json.loads(line)["response"] for line in lines[:-1]) == twin.answer(temperature=0)


def test_cloudflare_models(twin: RunningTwin, sdk: cloudflare.Cloudflare) -> None:
    # The SDK requests pages until one is empty.
    names = [item["name"] for item in sdk.ai.models.list(account_id=twin.account)]  # type: ignore[index]
    assert names[0] == MODEL
    # The file that this twin was started with; other models of this computer may be listed too.
    assert names[-1] == "@local/short"
    assert len(set(names)) == len(names)
    assert sdk.ai.models.schema.get(account_id=twin.account, model=MODEL)
    verified = sdk.user.tokens.verify()
    assert verified
    assert verified.status == "active"


def test_cloudflare_errors(twin: RunningTwin, sdk: cloudflare.Cloudflare) -> None:
    with pytest.raises(cloudflare.BadRequestError) as caught:
        sdk.ai.run(MODEL, account_id=twin.account, prompt="x", temperature=9)
    assert caught.value.errors[0].code == 5006
    with (
        cloudflare.Cloudflare(api_token="a" * 40, base_url=twin.base_url) as stranger,
        pytest.raises(cloudflare.AuthenticationError),
    ):
        stranger.ai.run(MODEL, account_id=twin.account, prompt="x")


def test_openai(twin: RunningTwin, chat: openai.OpenAI) -> None:
    messages = [{"role": "user", "content": STORY}]
    whole = chat.chat.completions.create(
        model=MODEL,
        messages=messages,  # type: ignore[arg-type]
        max_completion_tokens=24,
        temperature=0,
    )
    assert whole.choices[0].message.content == twin.answer(temperature=0)
    assert whole.choices[0].finish_reason == "length"
    assert whole.usage
    assert whole.usage.completion_tokens == 24
    stream = chat.chat.completions.create(
        model=MODEL,
        messages=messages,  # type: ignore[arg-type]
        max_tokens=24,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    # The last event is the native one, as recorded: it has no choices.
    assert chunks[-1].choices is None
    assert chunks[-2].usage
    assert chunks[-2].usage.total_tokens == whole.usage.total_tokens


def test_openai_errors(chat: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        chat.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "x"}])
    assert caught.value.response.json()["errors"][0]["code"] == 5007


FOX = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}
RAIN = {"role": "user", "content": "Is it raining in London?"}


def test_cloudflare_json_mode(twin: RunningTwin, sdk: cloudflare.Cloudflare) -> None:
    form = {"type": "json_schema", "json_schema": FOX}
    result: Any = sdk.ai.run(MODEL, account_id=twin.account, prompt=STORY, response_format=form)  # type: ignore[call-overload]
    assert list(result["response"]) == ["age"]


def test_cloudflare_tools(twin: RunningTwin, sdk: cloudflare.Cloudflare) -> None:
    body: Any = {"messages": [RAIN], "tools": [WEATHER], "extra_body": {"tool_choice": "required"}}
    result: Any = sdk.ai.run(MODEL, account_id=twin.account, **body)
    (call,) = result["tool_calls"]
    assert call["name"] == "weather"
    back = [
        RAIN,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "name": "weather", "content": "rain"},
    ]
    body = {"messages": back, "tools": [WEATHER], "max_tokens": 12}
    assert sdk.ai.run(MODEL, account_id=twin.account, **body)["response"]


def test_openai_json_mode(chat: openai.OpenAI) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "fox", "schema": FOX, "strict": True}}
    messages: Any = [{"role": "user", "content": "Invent a fox."}]
    whole = chat.chat.completions.create(model=MODEL, messages=messages, response_format=form)
    assert list(json.loads(whole.choices[0].message.content or "")) == ["age"]


def test_openai_tools(chat: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "function": WEATHER}]
    asked: Any = {"model": MODEL, "tools": tools, "seed": 1}
    whole = chat.chat.completions.create(messages=[RAIN], tool_choice="required", **asked)  # type: ignore[list-item]
    message = whole.choices[0].message
    assert whole.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls
    stream = chat.chat.completions.create(messages=[RAIN], tool_choice="required", stream=True, **asked)  # type: ignore[list-item]
    deltas = [chunk.choices[0].delta for chunk in stream if chunk.choices]
    parts = [call for delta in deltas for call in delta.tool_calls or ()]
    arguments = "".join(part.function.arguments or "" for part in parts if part.function)
    assert arguments == message.tool_calls[0].function.arguments  # type: ignore[union-attr]
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "It rains."}
    messages: Any = [RAIN, message, result]
    answer = chat.chat.completions.create(messages=messages, max_tokens=12, **asked)
    assert answer.choices[0].message.content
