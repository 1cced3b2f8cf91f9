"""The snippets against each recorded variant of the wire, and the bodies that reach the server."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.api.backend import Gateway, Secret
from lib.model import model_record
from lib.snippets.snippet import Snippet
from lib.snippets.snippet_builder import build_snippets_for_body
from tests import sample_values
from tests.scripted_server import DONE, ScriptedServer, encode_events, response_head, sends, to_chunks
from tests.snippets.snippet_runner import run_snippet
from tests.snippets.worker_runtime import compile_workers

GATEWAY_TOKEN = "gateway-token_gateway-token_87654321"
MODEL = model_record.DEFAULT_MODEL_ID
NATIVE = ["curl", "Python (httpx)", "Python (cloudflare)", "JavaScript (fetch)"]
NASTY = '"\'`${x} $(id) \\ \\n\n""" §body\r\nJSON\nJSON \u2028\x00\x1b 😀 end\\'
TOOL = {"name": "f", "description": NASTY, "parameters": {"type": "object", "properties": {"__proto__": {}}}}
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": NASTY}], "seed": 7, "top_k": 3}


def build_snippet(name: str, body: dict[str, Any], url: str = "http://127.0.0.1:1/client/v4") -> Snippet:
    [found] = [
        one
        for one in build_snippets_for_body(MODEL, body, sample_values.make_backend(url))
        if one.name == name
    ]
    return found


def run_and_capture(
    name: str, body: dict[str, Any], folder: Path, reply: list[bytes]
) -> tuple[str, int, Any]:
    """Return the output of a snippet, its exit code, and the body that the server received."""
    with ScriptedServer(sends(*reply)) as server:
        done = run_snippet(
            build_snippet(name, body, server.url), folder, sample_values.make_backend(server.url)
        )
    return done.stdout.decode(), done.returncode, server.requests[0].json()


def whole_reply(result: dict[str, Any]) -> list[bytes]:
    envelope = {"result": result, "success": True, "errors": [], "messages": []}
    return [response_head(200, "application/json"), json.dumps(envelope).encode()]


@pytest.mark.parametrize("name", NATIVE)
def test_a_stream_in_pieces(tmp_path: Path, name: str) -> None:
    # wire.py: a number, null, no response at all, U+2028 within an event; every byte in a packet of its own
    stream = (
        encode_events({"response": "Gr\u2028üß 😀"}, {"response": 6}, {"response": None}, {"p": "ab"}) + DONE
    )
    reply = [response_head(transfer_encoding="chunked"), *to_chunks(stream, 1), b"0\r\n\r\n"]
    body = ASK | {"stream": True}
    assert run_and_capture(name, body, tmp_path, reply) == ("Gr\u2028üß 😀6\n", 0, body)


@pytest.mark.parametrize("name", NATIVE)
def test_json(tmp_path: Path, name: str) -> None:
    body = ASK | {
        "response_format": {"type": "json_schema", "json_schema": {"type": "object"}},
        "stream": False,
    }
    out, code, sent = run_and_capture(name, body, tmp_path, whole_reply({"response": {"a": [1, "ü"]}}))
    assert (json.loads(out), code, sent) == ({"a": [1, "ü"]}, 0, body)


@pytest.mark.parametrize("name", NATIVE)
def test_a_call(tmp_path: Path, name: str) -> None:
    body = ASK | {"tools": [TOOL], "stream": False}
    call = {"name": "f", "arguments": {"x": "4"}}
    out, code, sent = run_and_capture(
        name, body, tmp_path, whole_reply({"response": None, "tool_calls": [call]})
    )
    assert (json.loads(out), code, sent) == (call, 0, body)


@pytest.mark.parametrize("name", NATIVE[1:])
def test_a_call_in_pieces(tmp_path: Path, name: str) -> None:
    pieces: list[dict[str, Any]] = [
        {"id": "c1", "type": "function", "index": 0, "function": {"name": "f"}},
        {"index": 0, "function": {"arguments": '{"x": '}},
        {"index": 0, "function": {"arguments": "4}"}},
        {"id": None, "type": None, "index": 0, "function": {"name": None, "arguments": ""}},
    ]
    reply = [
        response_head(),
        encode_events(*({"response": "", "tool_calls": [piece]} for piece in pieces)),
        DONE,
    ]
    out, code, sent = run_and_capture(name, body := ASK | {"tools": [TOOL], "stream": True}, tmp_path, reply)
    assert (json.loads(out), code, sent) == ({"id": "c1", "name": "f", "arguments": '{"x": 4}'}, 0, body)


@pytest.mark.parametrize("name", NATIVE[1:])
def test_an_answer_cut_off(tmp_path: Path, name: str) -> None:
    out, code, _ = run_and_capture(
        name, ASK | {"stream": True}, tmp_path, [response_head(), encode_events({"response": "Hi"})]
    )
    assert out.startswith("Hi")
    assert code != 0


def test_openai(tmp_path: Path) -> None:
    body = ASK | {"tools": [TOOL], "functions": [{"name": "g", "code": "1"}], "raw": True, "stream": False}
    body["response_format"] = {"type": "json_schema", "json_schema": {"type": "object"}}
    reply = {
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "{}"}}]
    }
    name = "Python (openai)"
    out, code, sent = run_and_capture(
        name, body, tmp_path, [response_head(200, "application/json"), json.dumps(reply).encode()]
    )
    assert (out, code) == ("{}\n", 0)
    del body["raw"]  # the note and the program say so
    body["tools"] = [{"type": "function", "function": TOOL}]
    body["response_format"]["json_schema"] = {"name": "answer", "schema": {"type": "object"}}
    assert sent == body | {"model": MODEL}


@pytest.mark.parametrize("name", [*NATIVE, "Python (openai)"])
def test_a_gateway_a_session_and_a_request_that_does_not_wait(tmp_path: Path, name: str) -> None:
    body = {
        "messages": [{"role": "user", "content": "Hi"}],
        "options": {"rejectIfBusy": True},
        "stream": False,
    }
    reply = {"response": "Hi", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}]}
    envelope = {"result": reply, "success": True, "errors": [], "messages": []} | reply
    answer = sends(response_head(200, "application/json"), json.dumps(envelope).encode())
    with ScriptedServer(answer) as server:
        for gateway in (
            Gateway("my-gateway"),
            Gateway("my-gateway", token=Secret(GATEWAY_TOKEN)),
            Gateway("my-gateway", f"http://127.0.0.1:{server.port}/v1", token=Secret(GATEWAY_TOKEN)),
        ):
            backend = replace(sample_values.make_backend(server.url), gateway=gateway, session="0123abc")
            snippets = {each.name: each for each in build_snippets_for_body(MODEL, body, backend)}
            done = run_snippet(snippets[name], tmp_path, backend)
            assert (done.stdout.decode(), done.returncode) == ("Hi\n", 0), done.stderr
            text = snippets[name].text + snippets[name].note
            assert GATEWAY_TOKEN not in text
            assert ("CF_AIG_TOKEN" in text) == (gateway.token is not None)
    without, by_id, by_address = server.requests
    assert "cf-aig-authorization" not in without.headers
    for received in (by_id, by_address):
        assert received.headers["cf-aig-authorization"] == f"Bearer {GATEWAY_TOKEN}"
    for received in server.requests:
        assert received.headers["x-session-affinity"] == "0123abc"
        assert received.json() | {"model": MODEL} == body | {"model": MODEL}
    assert by_id.headers["cf-aig-gateway-id"] == "my-gateway"
    if "cf-aig-gateway-id" in by_address.headers:  # the SDKs, whose note says so
        assert "in a header" in snippets[name].note
    else:
        assert by_address.target == f"/v1/{sample_values.ACCOUNT}/my-gateway/workers-ai/{MODEL}"


def test_a_worker_gets_the_options_in_its_third_argument(tmp_path: Path) -> None:
    programs = {}
    for stream in (True, False):
        body = ASK | {"options": {"rejectIfBusy": True}, "stream": stream}
        backend = replace(
            sample_values.make_backend("http://127.0.0.1:1/client/v4"),
            gateway=Gateway("my-gateway"),
            session="0123abc",
        )
        programs[f"worker-{stream}"] = build_snippets_for_body(MODEL, body, backend.without_cache())[-1]
    for script in compile_workers(programs, tmp_path).values():  # Cloudflare's types accept it
        code = "".join(script.read_text(encoding="utf-8").split()).replace(",}", "}")
        headers = 'extraHeaders:{"x-session-affinity":"0123abc"}'
        assert f'{{rejectIfBusy:true,gateway:{{id:"my-gateway",skipCache:true}},{headers}}})' in code
        assert "options:" not in code


def test_no_secret() -> None:
    both = f"{sample_values.TOKEN} {GATEWAY_TOKEN}"
    body = {"prompt": f"My tokens are {both}.\n{both}", "stream": True}
    gateway = Gateway("my-gateway", token=Secret(GATEWAY_TOKEN))
    backend = replace(sample_values.make_backend("http://127.0.0.1:1/client/v4"), gateway=gateway)
    for one in build_snippets_for_body(MODEL, body, backend):
        assert sample_values.TOKEN not in one.text + one.note
        assert GATEWAY_TOKEN not in one.text + one.note
        assert sample_values.ACCOUNT not in one.text + one.note
