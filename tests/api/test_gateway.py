"""Requests through an AI Gateway, and requests that do not wait for capacity, as they reach a server."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from lib.api.backend import Backend, Gateway, Secret, parse_gateway
from lib.api.cancellation import CancelToken
from lib.api.trace import GatewayReply, TraceRecorder
from lib.errors import (
    AccountRefused,
    BadInput,
    CredentialsRefused,
    GatewayTokenRefused,
    NoCapacity,
    PaddockError,
)
from tests import sample_values
from tests.api.both_clients import collect
from tests.scripted_server import ScriptedServer, refuses, response_head, sends, streams, text_events

ACCOUNT, MODEL = sample_values.ACCOUNT, sample_values.make_request().model
HOST = "https://gateway.ai.cloudflare.com"
BUSY = refuses(429, 3040, "Capacity temporarily exceeded, please try again.")


def make_backend(server: ScriptedServer, gateway: Gateway) -> Backend:
    return replace(sample_values.make_backend(server.url), gateway=gateway)


def ask_both_ways(backend: Backend) -> None:
    """Ask as a chat does, and as an experiment does."""
    client, request = sample_values.make_client(), sample_values.make_request()
    assert collect(client.stream(backend, request, CancelToken())) == ("Hi", None)
    with closing(client.open_connection(backend.without_cache())) as connection:
        assert collect(client.stream_over(connection, request)) == ("Hi", None)


def test_the_id_goes_into_a_header_and_an_experiment_skips_the_cache() -> None:
    with ScriptedServer(streams("Hi")) as server:
        ask_both_ways(make_backend(server, Gateway("my-gateway")))
    chat, experiment = server.requests
    assert chat.target == experiment.target == f"/client/v4/accounts/{ACCOUNT}/ai/run/{MODEL}"
    assert chat.headers["cf-aig-gateway-id"] == experiment.headers["cf-aig-gateway-id"] == "my-gateway"
    assert "cf-aig-skip-cache" not in chat.headers
    assert experiment.headers["cf-aig-skip-cache"] == "true"


def test_its_own_address_is_asked_for_answers_only() -> None:
    empty = b'{"success": true, "result": [], "errors": [], "messages": []}'
    with (
        ScriptedServer(streams("Hi")) as own,
        ScriptedServer(sends(response_head(200, "application/json"), empty)) as api,
    ):
        address = f"http://127.0.0.1:{own.port}/v1/{ACCOUNT}/my-gateway"
        backend = make_backend(api, parse_gateway(address, ACCOUNT) or Gateway("none"))
        ask_both_ways(backend)
        sample_values.make_client().check_credentials(backend)
    for received in own.requests:
        assert received.target == f"/v1/{ACCOUNT}/my-gateway/workers-ai/{MODEL}"
        assert received.headers["authorization"] == f"Bearer {sample_values.TOKEN}"
        assert "cf-aig-gateway-id" not in received.headers
    assert own.requests[1].headers["cf-aig-skip-cache"] == "true"
    (checked,) = api.requests
    assert checked.target.startswith(f"/client/v4/accounts/{ACCOUNT}/ai/models/search?")
    assert not any(name.startswith("cf-aig") for name in checked.headers)


GATEWAY_TOKEN = "gateway-token_gateway-token_87654321"
LOCKED = Gateway("my-gateway", token=Secret(GATEWAY_TOKEN))
REFUSAL = b'{"success":false,"error":[{"code":2009,"message":"Unauthorized"}]}'


def test_its_own_token_goes_into_its_own_header() -> None:
    with ScriptedServer(streams("Hi")) as server:
        backend = make_backend(server, LOCKED)
        ask_both_ways(backend)
        ask_both_ways(replace(backend, gateway=replace(LOCKED, root=f"http://127.0.0.1:{server.port}/v1")))
    assert len(server.requests) == 4
    for received in server.requests:
        assert received.headers["cf-aig-authorization"] == f"Bearer {GATEWAY_TOKEN}"
        assert received.headers["authorization"] == f"Bearer {sample_values.TOKEN}"


def test_its_own_token_goes_nowhere_else() -> None:
    """The API's lists are not the gateway's."""
    empty = b'{"success": true, "result": [], "errors": [], "messages": []}'
    with ScriptedServer(sends(response_head(200, "application/json"), empty)) as server:
        client, backend = sample_values.make_client(), make_backend(server, LOCKED)
        client.check_credentials(backend)
        client.list_adapters(backend)
    assert len(server.requests) == 3
    for received in server.requests:
        assert not any(name.startswith("cf-aig") for name in received.headers)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, REFUSAL, GatewayTokenRefused),
        (401, b"{}", GatewayTokenRefused),
        (401, b'{"errors":[{"code":10000,"message":"Authentication error"}]}', CredentialsRefused),
        (403, b'{"errors":[{"code":10000,"message":"Authentication error"}]}', AccountRefused),
        # The model's own refusals: the gateway has let the request pass.
        (400, b'{"errors":[{"code":5006,"message":"AiError: Bad input"}]}', None),
        (403, b'{"errors":[{"code":5016,"message":"model terms not agreed"}]}', None),
        (429, b'{"errors":[{"code":3040,"message":"full"}]}', None),
    ],
)
def test_the_check_says_which_token_was_refused(
    status: int, body: bytes, error: type[PaddockError] | None
) -> None:
    with ScriptedServer(sends(response_head(status, "application/json"), body)) as server:
        backend = make_backend(server, LOCKED)
        if error is None:
            sample_values.make_client().check_gateway(backend)
        else:
            with pytest.raises(PaddockError) as refused:
                sample_values.make_client().check_gateway(backend)
            assert type(refused.value) is error
            assert refused.value.advice
    (received,) = server.requests
    assert received.json() == {}, "without an input nothing is answered, and nothing is paid"
    assert received.headers["cf-aig-authorization"] == f"Bearer {GATEWAY_TOKEN}"


def test_what_the_gateway_says_is_in_the_trace() -> None:
    head = response_head(cf_aig_cache_status="HIT", cf_aig_log_id="01JADMCQQQBWH3NXZ5GCRN98DP")
    recorder = TraceRecorder()
    with ScriptedServer(sends(head, text_events("Hi"), b"data: [DONE]\n\n")) as server:
        events = sample_values.make_client().stream(
            make_backend(server, Gateway("x")),
            sample_values.make_request(),
            CancelToken(),
            recorder=recorder,
        )
        assert collect(events) == ("Hi", None)
    (exchange,) = recorder.trace().exchanges()
    assert exchange.gateway_reply == GatewayReply("HIT", "01JADMCQQQBWH3NXZ5GCRN98DP")
    assert exchange._replace(response_headers=()).gateway_reply is None


@pytest.mark.parametrize("rejects", [True, False])
def test_a_busy_service_is_asked_again_only_by_who_waits(rejects: bool) -> None:
    request = replace(sample_values.make_request(), reject_if_busy=rejects)
    with ScriptedServer(BUSY, streams("Hi")) as server:
        backend = sample_values.make_backend(server.url)
        text, error = collect(sample_values.make_client().stream(backend, request, CancelToken()))
    bodies = [received.json() for received in server.requests]
    if rejects:
        assert isinstance(error, NoCapacity)
        assert (error.code, [body["options"] for body in bodies]) == (3040, [{"rejectIfBusy": True}])
    else:
        assert (text, error) == ("Hi", None)
        assert [body.get("options") for body in bodies] == [None, None]


@pytest.mark.parametrize("rest", ["", "/", "/workers-ai", "/workers-ai/"])
def test_ids_and_addresses(rest: str) -> None:
    assert parse_gateway(f" {HOST}/v1/{ACCOUNT}/my-gateway{rest}\n", ACCOUNT.upper()) == Gateway(
        "my-gateway", f"{HOST}/v1"
    )
    assert parse_gateway(f"gateway.ai.cloudflare.com/v1/{ACCOUNT}/x{rest}", ACCOUNT) == Gateway(
        "x", f"{HOST}/v1"
    )
    assert parse_gateway(" default ", ACCOUNT) == Gateway("default")
    assert parse_gateway("  ", ACCOUNT) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a b", "up to 64"),
        ("x" * 65, "up to 64"),
        ("a\r\nx-evil: 1", "up to 64"),
        (f"https://evil.example/v1/{ACCOUNT}/x", "up to 64"),
        (f"http://gateway.ai.cloudflare.com/v1/{ACCOUNT}/x", "up to 64"),
        (f"{HOST}:8443/v1/{ACCOUNT}/x", "up to 64"),
        (f"{HOST}/v1/{ACCOUNT}/x/openai", "up to 64"),
        (f"{HOST}/v1/{'f' * 32}/x", "another account"),
        (f"https://user:secret@gateway.ai.cloudflare.com/v1/{ACCOUNT}/x", "base URL|up to 64"),
    ],
)
def test_a_gateway_that_is_none(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        parse_gateway(text, ACCOUNT)
