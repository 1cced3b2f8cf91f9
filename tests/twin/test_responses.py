"""Answers on the wire: whole and streamed, native and OpenAI-compatible, and the lists of models."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import jsonschema
import pytest

from lib.model.model_record import default_model
from tests.twin.conftest import MODEL, STORY, RunningTwin, parse_events

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
USAGE = ["prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "neurons"]


def assert_usage(usage: dict[str, Any]) -> None:
    assert list(usage) == USAGE
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    # Documented: 2457 neurons per million input tokens, 18252 per million output tokens.
    exact = Decimal(usage["prompt_tokens"] * 2457 + usage["completion_tokens"] * 18252) / 10**6
    assert Decimal(str(usage["neurons"])) == round(exact, 6)


def billed(usage: dict[str, Any]) -> dict[str, Any]:
    """Return the usage without the cached tokens, which depend on earlier requests."""
    return {name: value for name, value in usage.items() if name != "prompt_tokens_details"}


def test_whole(twin: RunningTwin) -> None:
    response = twin.ask(prompt=STORY, max_tokens=20, temperature=0)
    body = response.json()
    assert list(body) == ["result", "success", "errors", "messages"]
    assert (body["success"], body["errors"], body["messages"]) == (True, [], [])
    assert list(body["result"]) == ["response", "usage"]
    assert_usage(body["result"]["usage"])
    jsonschema.validate(body["result"], default_model().output_schema)
    assert re.fullmatch(UUID, response.headers["cf-ai-req-id"])
    assert response.headers["cf-ray"]
    assert response.headers["cf-ai-neurons"] == f"{body['result']['usage']['neurons']:.2f}"


@pytest.mark.parametrize(
    "model", [MODEL, "@cf%2Fmeta%2Fllama-3.2-1b-instruct", "@cf%2Fmeta/llama-3.2-1b-instruct"]
)
def test_slashes_of_the_model(twin: RunningTwin, model: str) -> None:
    body = {"prompt": STORY, "max_tokens": 1}
    assert twin.client.post(twin.path(f"run/{model}"), json=body).status_code == 200


@pytest.mark.applied_by_twin("stream")
def test_stream(twin: RunningTwin) -> None:
    body = {"prompt": STORY, "max_tokens": 40, "temperature": 0}
    whole = twin.ask(**body).json()["result"]
    response = twin.ask(**body, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert re.fullmatch(UUID, response.headers["cf-ai-req-id"])
    *texts, last, done = parse_events(response.text)
    assert done == "[DONE]"
    assert all(list(event) == ["response", "p"] and event["response"] for event in texts)
    assert all(6 <= len(event["p"]) <= 50 for event in texts)
    assert len({len(event["p"]) for event in texts}) > 3
    assert "".join(event["response"] for event in texts) == whole["response"]
    assert list(last) == ["response", "usage"]
    assert (last["response"], billed(last["usage"])) == ("", billed(whole["usage"]))


@pytest.mark.parametrize(
    "opening", ["😀😃😄😁😆🥹😅😂🤣", "你好世界你好世界", "العربية الع", "e\u0301\u200d👩‍👩‍👧‍👦\u2028\u0085x"]
)
def test_characters_stay_whole(whole_twin: RunningTwin, opening: str) -> None:
    prompt = f"{opening}\n{opening}\n{opening}\n"
    body = {"prompt": prompt, "raw": True, "max_tokens": 40, "temperature": 0}
    *texts, last, _ = parse_events(whole_twin.ask(**body, stream=True).text)
    text = "".join(event["response"] for event in texts)
    assert text == whole_twin.ask(**body).json()["result"]["response"]
    assert "\ufffd" not in text
    assert last["usage"]["completion_tokens"] == 40


def test_characters_are_sent_as_they_are(whole_twin: RunningTwin) -> None:
    response = whole_twin.ask(prompt="😀😀😀😀😀😀😀😀", raw=True, max_tokens=20, temperature=0, stream=True)
    assert b"\\u" not in response.content
    assert "😀".encode() in response.content


@pytest.mark.parametrize("count", [1, 17, 900])
def test_prompt_tokens_are_exact(twin: RunningTwin, count: int) -> None:
    # In this model's vocabulary " a" is one token.
    usage = twin.ask(prompt=" a" * count, raw=True, max_tokens=1).json()["result"]["usage"]
    assert usage["prompt_tokens"] == count


def test_special_tokens_of_a_raw_prompt_are_tokens(twin: RunningTwin) -> None:
    usage = twin.ask(prompt="<|im_start|><|im_end|>", raw=True, max_tokens=1).json()["result"]["usage"]
    assert usage["prompt_tokens"] == 2


def complete(twin: RunningTwin, **body: Any) -> Any:
    messages = [{"role": "user", "content": STORY}]
    request = {"model": MODEL, "messages": messages, "max_tokens": 12, "temperature": 0, **body}
    return twin.client.post(twin.path("v1/chat/completions"), json=request)


def test_openai_whole(twin: RunningTwin) -> None:
    native = twin.ask(prompt=STORY, max_tokens=12, temperature=0).json()["result"]
    body = complete(twin).json()
    assert body["object"] == "chat.completion"
    message = {"role": "assistant", "content": native["response"]}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "length"}
    assert body["choices"] == [choice]
    assert billed(body["usage"]) == billed(native["usage"])


def test_openai_stream(twin: RunningTwin) -> None:
    # Recorded: OpenAI chunks with "p", one with the finish_reason, one without choices, the native event, [DONE].
    native = twin.ask(prompt=STORY, max_tokens=12, temperature=0).json()["result"]
    response = complete(twin, stream=True, stream_options={"include_usage": True})
    role, *texts, reason, counts, last, done = parse_events(response.text)
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(event["choices"][0]["delta"]["content"] for event in texts) == native["response"]
    assert all(6 <= len(event["p"]) <= 50 for event in texts)
    assert reason["choices"][0]["finish_reason"] == "length"
    assert counts["choices"] == []
    assert billed(counts["usage"]) == billed(native["usage"])
    assert last == {"response": "", "usage": counts["usage"]}
    assert done == "[DONE]"
    assert len(parse_events(complete(twin, stream=True).text)) == len(texts) + 4


def test_openai_names(twin: RunningTwin) -> None:
    text = complete(twin).json()["choices"][0]["message"]["content"]
    parts = [
        {
            "role": "user",
            "content": [{"type": "text", "text": STORY[:9]}, {"type": "text", "text": STORY[9:]}],
        }
    ]
    for same in (
        {"messages": parts},
        {"max_tokens": None, "max_completion_tokens": 12},
        {"n": 1, "user": "x", "response_format": {"type": "text"}},
    ):
        assert complete(twin, **same).json()["choices"][0]["message"]["content"] == text
    first = text.split()[2]
    stopped = complete(twin, stop=[first]).json()["choices"][0]
    assert stopped["finish_reason"] == "stop"
    assert text.startswith(stopped["message"]["content"])
    assert first not in stopped["message"]["content"]


def test_openai_finishes_with_stop(twin: RunningTwin) -> None:
    # The model continues its own closing words, and then usually ends.
    messages = [{"role": "user", "content": "Say hi."}, {"role": "assistant", "content": "Hi!"}]
    body = complete(twin, messages=messages, max_tokens=400).json()
    used = body["usage"]["completion_tokens"]
    assert body["choices"][0]["finish_reason"] == ("length" if used == 400 else "stop")


@pytest.mark.parametrize(
    ("body", "code"),
    [({"model": "gpt-4"}, 5007), ({"model": None}, 5007), ({"temperature": 9}, 5006), ({"stop": 3}, 5006)],
)
def test_openai_refusals(twin: RunningTwin, body: dict[str, Any], code: int) -> None:
    response = complete(twin, **body)
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == code


def test_search(twin: RunningTwin) -> None:
    body = twin.client.get(twin.path("models/search")).json()
    # The others are this computer's models.
    item = body["result"][0]
    keys = ["id", "source", "name", "description", "task", "created_at", "tags", "properties"]
    assert list(item) == keys
    assert item["name"] == MODEL
    assert item["task"]["name"] == "Text Generation"
    values = {entry["property_id"]: entry["value"] for entry in item["properties"]}
    assert values["context_window"] == "60000"
    assert values["price"] == [
        {"unit": "per M input tokens", "price": 0.027, "currency": "USD"},
        {"unit": "per M output tokens", "price": 0.2, "currency": "USD"},
    ]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"search": "llama-3.2-1b"}, 1),
        ({"search": "whisper"}, 0),
        ({"author": "meta", "task": "Text Generation", "hide_experimental": "true", "per_page": "50"}, 1),
        ({"task": "Translation"}, 0),
        ({"page": "2"}, 0),
        ({"per_page": "1"}, 1),
        ({"per_page": "1", "page": "2"}, 1),
        ({"author": "Meta", "page": "²", "per_page": "-1"}, 1),
    ],
)
def test_search_for(twin: RunningTwin, query: dict[str, str], count: int) -> None:
    body = twin.client.get(twin.path("models/search"), params=query).json()
    assert len(body["result"]) == body["result_info"]["count"] == count


def test_schema(twin: RunningTwin) -> None:
    body = twin.client.get(twin.path("models/schema"), params={"model": MODEL}).json()
    assert body["result"] == {"input": default_model().input_schema, "output": default_model().output_schema}
    missing = twin.client.get(twin.path("models/schema"), params={"model": "@cf/x/y"})
    assert missing.json()["errors"][0]["code"] == 5007


def test_verify_health_and_slots(twin: RunningTwin) -> None:
    verified = twin.client.get(f"{twin.base_url}/user/tokens/verify").json()
    assert verified["success"]
    assert verified["result"]["status"] == "active"
    health = twin.client.get(twin.base_url.replace("/client/v4", "/health"), headers={"authorization": ""})
    assert health.json()["ok"] is True
    assert twin.slots() == {"slots": 2, "running": 0, "waiting": 0}
