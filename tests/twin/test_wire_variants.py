"""Wire variants: each has the recorded bytes, and the page's client reads the same answer from all of them."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest

from lib.api.backend import Secret
from lib.api.backend import twin_backend as backend_of
from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.api.events import Event, TextDelta, ToolCallDelta
from lib.api.request import Prompt, build_request
from lib.api.wire import decode_answer, decode_event
from lib.model.model_record import default_model
from lib.model.usage import Usage
from lib.twin import wire_variants
from lib.twin.engine_errors import EngineError
from lib.twin.generation import EndPiece, Piece, TextPiece, ToolCallPiece
from lib.twin.responses import sse_events
from tests.twin.conftest import MODEL, ROOT, TOKEN, RunningTwin, end_twin

BODY: dict[str, Any] = {"prompt": "1 2 3 4 5", "raw": True, "temperature": 0, "max_tokens": 8}
PIECES: list[Piece] = [TextPiece("Six", 12), TextPiece(" is"), TextPiece("6"), EndPiece("stop", 12, 4, 8)]
CALL = ToolCallPiece("call123", "get_weather", '{"location": "London"}')


def stream_events(name: str, pieces: Sequence[Piece | Exception] = PIECES) -> list[str]:
    """Return the events of a variant for these pieces, with equal padding."""

    async def generate() -> AsyncGenerator[Piece, None]:
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def collect() -> bytes:
        stream = wire_variants.VARIANTS[name].stream
        assert stream
        return b"".join([line async for line in sse_events(stream(default_model(), generate()))])

    text = asyncio.run(collect()).decode()
    assert text.endswith("\n\n")
    paddings = re.findall(r'"p":"([a-z0-9]*)"', text)
    assert all(6 <= len(padding) <= 50 for padding in paddings)
    return re.sub(r'"p":"[a-z0-9]*"', '"p":"~"', text).removesuffix("\n\n").split("\n\n")


SUM = '{"prompt_tokens":12,"completion_tokens":4,"total_tokens":16'
FULL = SUM + ',"prompt_tokens_details":{"cached_tokens":8},"neurons":0.102492}'
FIRST = '{"prompt_tokens":12,"completion_tokens":1,"total_tokens":13}'
ADDED = '{"prompt_tokens":0,"completion_tokens":1,"total_tokens":1}'
USAGE = 'data: {"response":"","usage":' + FULL + "}"
DONE = "data: [DONE]"
OPENAI = 'data: {{"choices":[{{"delta":{{"content":"{}"}},"finish_reason":{},"index":0}}],"p":"~"{}}}'

# Written from the recordings in tests/api/transcripts: the events, their keys in order, and the types of values.
STREAMS = {
    "default": [
        'data: {"response":"Six","p":"~"}',
        'data: {"response":" is","p":"~"}',
        'data: {"response":"6","p":"~"}',
        USAGE,
        DONE,
    ],
    # llama3.sse [REC]
    "llama3": [
        'data: {"response":"Six","p":"~"}',
        'data: {"response":" is","p":"~"}',
        'data: {"response":"6","p":"~"}',
        'data: {"response":"","p":"~"}',
        DONE,
    ],
    # vllm.sse [REC]
    "vllm": [
        'data: {"response":"","tool_calls":[],"p":"~"}',
        'data: {"response":"Six","tool_calls":[],"p":"~"}',
        'data: {"response":" is","tool_calls":[],"p":"~"}',
        'data: {"response":"6","tool_calls":[],"p":"~"}',
        'data: {"tool_calls":[],"p":"~"}',
        'data: {"response":"","usage":' + SUM + "}}",
        DONE,
    ],
    # usage_everywhere.sse [TEST, REC]
    "2026": [
        'data: {"response":"Six","usage":' + FIRST + "}",
        'data: {"response":" is","usage":' + ADDED + "}",
        'data: {"response":"6","usage":' + ADDED + "}",
        USAGE,
        DONE,
    ],
    # openai.sse [REC]
    "openai": [
        'data: {"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null,"index":0}],"p":"~"}',
        OPENAI.format("Six", "null", ',"usage":' + FIRST),
        OPENAI.format(" is", "null", ',"usage":' + ADDED),
        OPENAI.format("6", "null", ',"usage":' + ADDED),
        OPENAI.format("", '"stop"', ""),
        'data: {"choices":[],"p":"~","usage":' + SUM + "}}",
        'data: {"response":"","usage":' + SUM + "}}",
        DONE,
    ],
    # odd_text.sse [REC]: {"response":6}; null; absent
    "numbers": [
        'data: {"response":"Six","p":"~"}',
        'data: {"response":" is","p":"~"}',
        'data: {"response":6,"p":"~"}',
        USAGE,
        DONE,
    ],
    "null": [
        'data: {"response":null,"p":"~"}',
        'data: {"response":"Six","p":"~"}',
        'data: {"p":"~"}',
        'data: {"response":" is","p":"~"}',
        'data: {"p":"~"}',
        'data: {"response":"6","p":"~"}',
        'data: {"p":"~"}',
        'data: {"response":null,"usage":' + FULL + "}",
        DONE,
    ],
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams(name: str) -> None:
    assert stream_events(name) == STREAMS[name]


def test_every_variant_has_its_bytes_here() -> None:
    assert {*STREAMS, *CALLS, "plain"} == set(wire_variants.VARIANTS)


@pytest.mark.parametrize("name", [name for name in wire_variants.VARIANTS if name != "plain"])
def test_an_engine_that_fails_leaves_the_stream_without_its_end(name: str) -> None:
    lines = stream_events(name, [TextPiece("Six", 12), EngineError("boom")])
    assert "Six" in "".join(lines)
    assert DONE not in lines


# tool_call_whole.sse, tool_call_pieces.sse, tool_call_flat.sse [TEST]
CALLS = {
    "tools-whole": [
        'data: {"response":"","tool_calls":[{"id":"call123","type":"function","index":0,"function":'
        '{"name":"get_weather","arguments":"{\\"location\\": \\"London\\"}"}}]}',
        USAGE,
        DONE,
    ],
    "tools-pieces": [
        'data: {"tool_calls":[{"id":"call123","type":"function","index":0,"function":{"name":"get_weather"}}]}',
        'data: {"tool_calls":[{"index":0,"function":{"arguments":"{\\"location\\""}}]}',
        'data: {"tool_calls":[{"index":0,"function":{"arguments":": \\"London\\"}"}}]}',
        'data: {"tool_calls":[{"id":null,"type":null,"index":0,"function":{"name":null,"arguments":""}}]}',
        'data: {"finish_reason":"tool_calls"}',
        USAGE,
        DONE,
    ],
    "tools-flat": [
        'data: {"tool_calls":[{"name":"get_weather","arguments":{"location":"London"}}]}',
        USAGE,
        DONE,
    ],
}


@pytest.mark.parametrize("name", CALLS)
def test_tool_calls(name: str) -> None:
    assert stream_events(name, [CALL, PIECES[-1]]) == CALLS[name]


@pytest.mark.parametrize("name", [name for name in wire_variants.VARIANTS if name != "plain"])
def test_the_pages_client_reads_the_same_calls_in_all(name: str) -> None:
    lines = stream_events(name, [CALL, ToolCallPiece("call456", "get_time", "{}"), PIECES[-1]])
    merged: dict[int, list[str]] = {}
    for line in lines:
        for event in decode_event(line.removeprefix("data: ")):
            if isinstance(event, ToolCallDelta):
                # A flat call has no index; here each call has its own event.
                index = len(merged) if name == "tools-flat" else event.index
                told = merged.setdefault(index, ["", ""])
                told[0] += event.name or ""
                told[1] += event.arguments
    assert [name for name, _ in merged.values()] == ["get_weather", "get_time"]
    assert [json.loads(arguments) for _, arguments in merged.values()] == [{"location": "London"}, {}]


SHORT = {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}
LONG = {**SHORT, "prompt_tokens_details": {"cached_tokens": 8}, "neurons": 0.102492}
OPENAI_CALL = {
    "id": "call123",
    "type": "function",
    "index": 0,
    "function": {"name": "get_weather", "arguments": '{"location": "London"}'},
}
FLAT_CALL = {"name": "get_weather", "arguments": {"location": "London"}}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "6"}, "finish_reason": "stop"}
# whole.json, whole_2026.json, whole_openai.json, whole_tool_call.json
WHOLE: list[tuple[str, str, tuple[ToolCallPiece, ...], dict[str, Any]]] = [
    ("default", "6", (), {"response": "6", "usage": LONG}),
    ("llama3", "6", (), {"response": "6", "usage": SHORT}),
    ("vllm", "6", (), {"response": "6", "tool_calls": [], "usage": SHORT}),
    ("2026", "6", (), {"response": "6", "tool_calls": [], "usage": LONG}),
    ("openai", "6", (), {"choices": [CHOICE], "usage": SHORT}),
    ("numbers", "6", (), {"response": 6, "usage": LONG}),
    ("numbers", "06", (), {"response": "06", "usage": LONG}),
    ("null", "", (), {"response": None, "usage": LONG}),
    ("plain", "6", (), {"response": "6", "usage": LONG}),
    ("tools-whole", "", (CALL,), {"response": "", "tool_calls": [OPENAI_CALL], "usage": LONG}),
    ("tools-pieces", "", (CALL,), {"response": "", "tool_calls": [OPENAI_CALL], "usage": LONG}),
    ("tools-flat", "", (CALL,), {"response": None, "tool_calls": [FLAT_CALL], "usage": LONG}),
    ("tools-flat", "6", (), {"response": "6", "usage": LONG}),
]


@pytest.mark.parametrize(("name", "text", "calls", "result"), WHOLE)
def test_whole(name: str, text: str, calls: tuple[ToolCallPiece, ...], result: dict[str, Any]) -> None:
    body = wire_variants.VARIANTS[name].whole_answer(default_model(), text, calls, EndPiece("stop", 12, 4, 8))
    assert json.dumps(body) == json.dumps({"result": result, "success": True, "errors": [], "messages": []})
    read = list(decode_answer(json.dumps(body)))
    assert "".join(event.text for event in read if isinstance(event, TextDelta)) == text


# On the twin itself.


def ask_variant(twin: RunningTwin, name: str, **more: Any) -> httpx.Response:
    return twin.client.post(twin.run, json={**BODY, **more}, headers={"x-paddock-wire": name})


@pytest.mark.parametrize("name", wire_variants.VARIANTS)
def test_the_pages_client_reads_the_same_in_all(spawn: Callable[..., RunningTwin], name: str) -> None:
    twin = spawn("--wire", name, "--slots", "1", "--context", "256")
    backend = backend_of(twin.base_url, twin.account, Secret(TOKEN), "x", 256)
    request = build_request(
        default_model(), Prompt(BODY["prompt"], raw=True), {"max_tokens": 8, "temperature": 0}
    )
    text = ask_variant(twin, "default").json()["result"]["response"]
    for stream in (True, False):
        body = {**BODY, "stream": stream}
        kind = twin.client.post(twin.run, json=body).headers["content-type"]
        assert kind.startswith("text/event-stream" if stream and name != "plain" else "application/json")
    came: list[Event] = list(WorkersAI().stream(backend, request, CancelToken()))
    assert "".join(event.text for event in came if isinstance(event, TextDelta)) == text
    usages = [event for event in came if isinstance(event, Usage)]
    assert bool(usages) == (name != "llama3")
    if usages:
        assert (usages[-1].prompt_tokens, usages[-1].completion_tokens) == (9, 8)
        assert isinstance(usages[-1].neurons, Decimal) == (name not in ("vllm", "openai"))
    assert end_twin(twin.process) == 0


def test_numbers_do_come_as_numbers(whole_twin: RunningTwin) -> None:
    lines = ask_variant(whole_twin, "numbers", stream=True).text.split("\n\n")
    assert [line for line in lines if re.match(r'data: {"response":\d+,"p":', line)]


def test_the_header_is_for_one_request(twin: RunningTwin) -> None:
    assert '"tool_calls":[]' in ask_variant(twin, "vllm", stream=True).text
    assert '"tool_calls":[]' not in twin.ask(**BODY, stream=True).text


def test_the_openai_endpoint_keeps_its_shape_but_may_answer_whole(twin: RunningTwin) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "max_tokens": 1, "stream": True}
    for name, kind in (("llama3", "text/event-stream"), ("plain", "application/json")):
        answered = twin.client.post(
            twin.path("v1/chat/completions"), json=body, headers={"x-paddock-wire": name}
        )
        assert answered.headers["content-type"].startswith(kind)
        assert "chat.completion" in answered.text


def test_an_unknown_name_is_refused_with_those_there_are(twin: RunningTwin) -> None:
    response = ask_variant(twin, "llama4")
    assert response.status_code == 400
    names = ", ".join(wire_variants.VARIANTS)
    told = f"x-paddock-wire: no variant is named 'llama4'; there are {names}"
    error = {"message": f"AiError: Bad input: Error: {told}", "code": 5006}
    assert response.json()["errors"] == [error]
    command = [sys.executable, "-m", "lib.twin", "--wire", "x"]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert f"no variant is named 'x'; there are {names}" in refused.stderr
