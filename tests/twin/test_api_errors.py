"""Every error response of the twin against the recorded or the documented body."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.twin.conftest import MODEL, TOKEN, RunningTwin

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


def service_error(code: int, message: str) -> dict[str, Any]:
    # Envelope of the AI service, recorded: {"errors":[{"message":…,"code":4006}],"success":false,"result":{},…}
    return {"errors": [{"message": message, "code": code}], "success": False, "result": {}, "messages": []}


def edge_error(code: int, message: str) -> dict[str, Any]:
    # Envelope of the API's edge, recorded: {"result":null,"success":false,"errors":[{"code":10000,…}],"messages":[]}
    return {"result": None, "success": False, "errors": [{"code": code, "message": message}], "messages": []}


def assert_error(response: httpx.Response, status: int, body: dict[str, Any]) -> None:
    assert response.status_code == status, response.text
    # As text, to compare the order of the keys too.
    assert json.dumps(response.json()) == json.dumps(body)
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cf-ray"]
    assert ("cf-ai-req-id" in response.headers) == (body["result"] == {})
    assert "cf-ai-neurons" not in response.headers


# Recorded messages: 'prompt' and 'messages' missing, and the content's type, in public issue reports;
# '/temperature' … <= 5 in litellm's tests; '/max_tokens' … 'null' in openai-workers-ai-style proxies' comments.
# The others follow their pattern.
MESSAGES_FIRST = "oneOf at '/' not met, 0 matches: required properties at '/' are 'prompt', "
BAD_INPUT = [
    ({}, MESSAGES_FIRST + "required properties at '/' are 'messages'"),
    ({"prompt": "x", "top_k": 51}, "'/top_k' must be <= 50"),
    ({**HELLO, "temperature": 6}, "'/temperature' must be <= 5"),
    ({**HELLO, "temperature": -0.1}, "'/temperature' must be >= 0"),
    ({**HELLO, "max_tokens": None}, "Type mismatch of '/max_tokens', 'integer' not in 'null'"),
    ({**HELLO, "max_tokens": 1.5}, "Type mismatch of '/max_tokens', 'integer' not in 'number'"),
    ({**HELLO, "stream": "true"}, "Type mismatch of '/stream', 'boolean' not in 'string'"),
    ({**HELLO, "seed": True}, "Type mismatch of '/seed', 'integer' not in 'boolean'"),
    ({**HELLO, "seed": 0}, "'/seed' must be >= 1"),
    ({**HELLO, "seed": 10_000_000_000}, "'/seed' must be <= 9999999999"),
    ({**HELLO, "max_tokens": 0}, "'/max_tokens' must be >= 1"),
    ({**HELLO, "max_tokens": -5}, "'/max_tokens' must be >= 1"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
        MESSAGES_FIRST + "Type mismatch of '/messages/0/content', 'string' not in 'array'",
    ),
    (
        {"messages": [{"role": "user", "content": None}]},
        MESSAGES_FIRST + "Type mismatch of '/messages/0/content', 'string' not in 'null'",
    ),
    (
        {"messages": [{"role": "user", "content": "x"}, {}]},
        MESSAGES_FIRST + "required properties at '/messages/1' are 'role,content'",
    ),
    (
        {"messages": [{"role": "user", "content": []}, {}]},
        MESSAGES_FIRST + "Type mismatch of '/messages/0/content', 'string' not in 'array', "
        "required properties at '/messages/1' are 'role,content'",
    ),
    ({"messages": "x"}, MESSAGES_FIRST + "Type mismatch of '/messages', 'array' not in 'string'"),
    ({"messages": []}, MESSAGES_FIRST + "'/messages' must have a length >= 1"),
    ({"prompt": "x", **HELLO}, "oneOf at '/' not met, 2 matches"),
    ([], "Type mismatch of '/', 'object' not in 'array'"),
    (None, "Type mismatch of '/', 'object' not in 'null'"),
    ("x", "Type mismatch of '/', 'object' not in 'string'"),
    (
        {**HELLO, "response_format": {"type": "x"}},
        "'/response_format/type' must be one of 'json_object,json_schema'",
    ),
]


@pytest.mark.parametrize(("body", "reason"), BAD_INPUT)
def test_bad_input(twin: RunningTwin, body: Any, reason: str) -> None:
    message = f"AiError: Bad input: Error: {reason}"
    assert_error(twin.client.post(twin.run, content=json.dumps(body)), 400, service_error(5006, message))


NOT_JSON = service_error(5006, "AiError: Bad input: Error: the body is not valid JSON in UTF-8")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"prompt": "x", "temperature": NaN}',
        b'{"prompt": "x", "temperature": -Infinity}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "\xff"}',
        b'{"prompt": "x"}'.decode().encode("utf-16"),
        b'{"prompt": "x", "max_tokens": ' + b"9" * 5000 + b"}",
    ],
)
def test_not_json(twin: RunningTwin, body: bytes) -> None:
    assert_error(twin.client.post(twin.run, content=body), 400, NOT_JSON)


def test_too_deep(twin: RunningTwin) -> None:
    body = service_error(5006, "AiError: Bad input: Error: the body is nested too deep")
    assert_error(twin.client.post(twin.run, content=b"[" * 100_000), 400, body)
    deep = b'{"prompt": "x", "response_format": {"type": "json_schema", "json_schema": '
    deep += b'{"properties": {"a": ' * 500 + b"{}" + b"}}" * 500 + b"}}"
    assert_error(twin.client.post(twin.run, content=deep), 400, body)


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "x", "max_tokens": 1e999},
        {"prompt": "x", "temperature": 1e999},
        {"prompt": "x", "top_p": 10**300},
    ],
)
def test_absurd_numbers(twin: RunningTwin, body: Any) -> None:
    content = json.dumps(body).replace("Infinity", "1e999")
    response = twin.client.post(twin.run, content=content)
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == 5006


@pytest.mark.parametrize(
    "more",
    [
        {"stop": None},
        {"unknown": [[[[[]]]]]},
        {"tools": []},
        {"functions": []},
        {"response_format": {}},
        {"lora": ""},
        {"max_tokens": 1.0},
        {"raw": False},
    ],
)
def test_unusual_fields_are_accepted(twin: RunningTwin, more: dict[str, Any]) -> None:
    # "stop": null is what a well-known client sends; unknown properties are accepted by the live service.
    assert twin.client.post(twin.run, json={**HELLO, "max_tokens": 1, **more}).status_code == 200


def test_deep_nesting_and_equal_keys_are_accepted(twin: RunningTwin) -> None:
    deep = b'{"prompt": "y", "prompt": "x", "max_tokens": 1, "more": ' + b"[" * 500 + b"]" * 500 + b"}"
    assert twin.client.post(twin.run, content=deep).status_code == 200


def test_too_large(twin: RunningTwin) -> None:
    # Documented: 3006 "Request is too large".
    assert_error(twin.ask(prompt="x" * 10_000_000), 413, service_error(3006, "Request is too large"))


@pytest.mark.parametrize(
    ("words", "cap", "stream"), [(100, 8192, False), (7000, 2000, True), (9000, 1, False)]
)
def test_over_the_context(twin: RunningTwin, words: int, cap: int, stream: bool) -> None:
    # Recorded: AiError: Ai: The estimated number of input and maximum output tokens (263008) exceeded this model
    # context window limit (262144). (<uuid>)
    response = twin.ask(prompt="a" + " a" * (words - 1), raw=True, max_tokens=cap, stream=stream)
    message = (
        f"AiError: Ai: The estimated number of input and maximum output tokens ({words + cap}) exceeded "
        f"this model context window limit (8192). ({response.headers['cf-ai-req-id']})"
    )
    assert_error(response, 413, service_error(5021, message))


def test_a_number_of_any_size_is_over_the_context(twin: RunningTwin) -> None:
    assert twin.ask(prompt="x", max_tokens=10**400).json()["errors"][0]["code"] == 5021


def test_model(twin: RunningTwin) -> None:
    # Recorded: AiError: No such model: No such model X or task (<uuid>)
    response = twin.client.post(twin.path("run/@cf/meta/llama-9"), json=HELLO)
    tag = response.headers["cf-ai-req-id"]
    message = f"AiError: No such model: No such model @cf/meta/llama-9 or task ({tag})"
    assert_error(response, 400, service_error(5007, message))


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic eDp5", TOKEN, f"Bearer {TOKEN} {TOKEN}"])
def test_malformed_authorization(twin: RunningTwin, header: str | None) -> None:
    # Recorded, in this order of keys.
    body = {
        "success": False,
        "errors": [
            {
                "code": 6003,
                "message": "Invalid request headers",
                "error_chain": [{"code": 6111, "message": "Invalid format for Authorization header"}],
            }
        ],
        "messages": [],
        "result": None,
    }
    headers = {} if header is None else {"authorization": header}
    assert_error(httpx.post(twin.run, json=HELLO, headers=headers, trust_env=False), 400, body)


def test_token(twin: RunningTwin) -> None:
    def ask_with_token(token: bytes) -> httpx.Response:
        headers = [(b"authorization", b"Bearer " + token)]
        return httpx.post(twin.run, json=HELLO, headers=headers, trust_env=False)

    assert_error(ask_with_token(b"a" * 40), 401, edge_error(10000, "Authentication error"))
    assert_error(ask_with_token(TOKEN.encode()[:-1] + b"2"), 401, edge_error(10000, "Authentication error"))
    # Recorded, in this order of keys.
    errors = [{"code": 9106, "message": "Authentication failed (status: 400)"}]
    junk = {"success": False, "errors": errors, "messages": [], "result": None}
    assert_error(ask_with_token(b"junk"), 400, junk)
    assert_error(ask_with_token(b"caf\xe9" * 10), 400, junk)


def test_account(twin: RunningTwin) -> None:
    other = twin.run.replace(twin.account, "0" * 32)
    assert_error(twin.client.post(other, json=HELLO), 403, edge_error(10000, "Authentication error"))
    # Recorded: Could not route to /client/v4/accounts/<raw>/…, perhaps your object identifier is invalid?
    malformed = twin.run.replace(twin.account, "my-account")
    path = f"/client/v4/accounts/my-account/ai/run/{MODEL}"
    message = f"Could not route to {path}, perhaps your object identifier is invalid?"
    assert_error(twin.client.post(malformed, json=HELLO), 404, edge_error(7003, message))


def test_order_of_checks(twin: RunningTwin) -> None:
    wrong = {"authorization": "Bearer " + "a" * 40}
    run = twin.run.replace(twin.account, "x").replace(MODEL, "y")
    codes = [
        httpx.post(run, content=b"{", trust_env=False).json()["errors"][0]["code"],
        httpx.post(run, content=b"{", headers=wrong, trust_env=False).json()["errors"][0]["code"],
        twin.client.post(run, content=b"{").json()["errors"][0]["code"],
        twin.client.post(run.replace("/x/", f"/{twin.account}/"), content=b"{").json()["errors"][0]["code"],
        twin.ask(lora="x", max_tokens=99999).json()["errors"][0]["code"],
        twin.ask(prompt="x", lora="x", max_tokens=99999).json()["errors"][0]["code"],
        twin.ask(prompt="x", max_tokens=99999).json()["errors"][0]["code"],
    ]
    adapters = twin.client.get(twin.path("paddock/adapters")).json()["result"]["adapters"]
    no_such_adapter = 5033 if adapters else 5005
    assert codes == [6003, 10000, 7003, 5007, 5006, no_such_adapter, 5021]


def test_routes(twin: RunningTwin) -> None:
    for path in ("", "nothing", "run", "models/search/"):
        assert_error(twin.client.get(twin.path(path)), 400, edge_error(7000, "No route for that URI"))
    assert_error(twin.client.get(twin.run), 405, edge_error(7001, "GET not supported for requested URI."))
    assert_error(
        twin.client.delete(twin.run), 405, edge_error(7001, "DELETE not supported for requested URI.")
    )
    # Recorded: the OpenAI-compatible list of models does not exist.
    assert_error(
        twin.client.get(twin.path("v1/models")), 405, edge_error(7001, "GET not supported for requested URI.")
    )


@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.example:80", "10.0.0.1", "", "[::2]:1"])
def test_another_name_for_this_computer_is_refused(twin: RunningTwin, host: str) -> None:
    response = twin.client.post(twin.run, json=HELLO, headers={"host": host})
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:8787"])
def test_names_of_loopback_are_accepted(twin: RunningTwin, host: str) -> None:
    assert twin.client.get(f"{twin.base_url}/user/tokens/verify", headers={"host": host}).status_code == 200


def test_other_origins_get_no_permission(twin: RunningTwin) -> None:
    headers = {"origin": "https://example.com", "access-control-request-method": "POST"}
    response = twin.client.options(twin.run, headers=headers)
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_bytes_that_are_not_http_do_not_end_it(twin: RunningTwin) -> None:
    where = urlsplit(twin.base_url)
    with socket.create_connection((where.hostname or "", where.port or 0)) as connection:
        connection.sendall(b"\x16\x03\x01" + b"\0" * 100)
        assert connection.recv(1000)
    twin.wait_for(running=0)
