"""check_credentials() finds bad credentials, and costs nothing."""

from __future__ import annotations

import json

import pytest

from lib.errors import (
    AccountRefused,
    CredentialsRefused,
    PaddockError,
    ServiceFailed,
    TimedOut,
    Unintelligible,
    Unreachable,
)
from tests import sample_values
from tests.scripted_server import (
    ScriptedServer,
    response_head,
    sends,
    sends_then_resets,
    sends_then_waits,
)
from tests.waiting import ends

GOOD = b'{"success":true,"result":[],"errors":[],"messages":[],"result_info":{"count":0}}'


def edge_error(status: int, code: int, message: str) -> bytes:
    body = {"result": None, "success": False, "errors": [{"code": code, "message": message}], "messages": []}
    return response_head(status, "application/json") + json.dumps(body).encode()


def test_good() -> None:
    with ScriptedServer(sends(response_head(kind="application/json"), GOOD)) as server:
        sample_values.make_client().check_credentials(sample_values.make_backend(server.url))
    [request] = server.requests
    assert request.method == "GET"
    path, _, query = request.target.partition("?")
    assert path == f"/client/v4/accounts/{sample_values.ACCOUNT}/ai/models/search"
    assert query == "search=paddock-credential-check"
    assert request.headers["authorization"] == f"Bearer {sample_values.TOKEN}"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (edge_error(401, 10000, "Authentication error"), CredentialsRefused),
        (edge_error(403, 10000, "Authentication error"), AccountRefused),
        (edge_error(403, 9109, "Unauthorized to access requested resource"), AccountRefused),
        (edge_error(400, 9106, "Authentication failed (status: 400)"), CredentialsRefused),
        (edge_error(404, 7003, "Could not route to /client/v4/accounts/xyz"), AccountRefused),
        (edge_error(200, 10000, "Authentication error"), CredentialsRefused),
        (response_head(200, "text/html") + b"<html>Sign in</html>", Unintelligible),
        (response_head(404, "text/html") + b"<html>Not here</html>", Unintelligible),
        (response_head(200, "application/json") + b'{"resul', Unintelligible),
        (response_head(200, "application/json") + b"[]", Unintelligible),
        (response_head(200, "application/json") + b"{}", Unintelligible),
        (response_head(200, "application/json") + b'{"success":"true"}', Unintelligible),
        (response_head(200, "application/json"), Unintelligible),
        (response_head(503, "text/html") + b"<html>Down</html>", ServiceFailed),
        (response_head(302, location="https://elsewhere.example/") + b"", Unreachable),
        (b"", Unreachable),
        (b"SSH-2.0-OpenSSH_9.9\r\n", Unreachable),
    ],
)
def test_bad(reply: bytes, kind: type[PaddockError]) -> None:
    with ScriptedServer(sends(reply)) as server, pytest.raises(PaddockError) as failed:
        sample_values.make_client().check_credentials(sample_values.make_backend(server.url))
    assert type(failed.value) is kind
    assert failed.value.message
    assert failed.value.advice
    assert len(server.requests) == 1


def test_resets() -> None:
    for sent in (
        b"",
        response_head(kind="application/json"),
        response_head(kind="application/json") + GOOD[:9],
    ):
        with ScriptedServer(sends_then_resets(sent)) as server, pytest.raises(Unreachable):
            sample_values.make_client().check_credentials(sample_values.make_backend(server.url))


def test_silence_is_bounded_by_the_time_to_connect() -> None:
    for sent in (b"", response_head(kind="application/json")):
        with ends(), ScriptedServer(sends_then_waits(sent)) as server, pytest.raises(TimedOut):
            sample_values.make_client(connect=0.2, first_byte=600).check_credentials(
                sample_values.make_backend(server.url)
            )


def test_a_flood_is_bounded() -> None:
    big = [response_head(kind="application/json"), b'{"success":true,"result":"', *[b"x" * 65536] * 1600]
    with ScriptedServer(sends(*big)) as server, pytest.raises(Unintelligible):
        sample_values.make_client().check_credentials(sample_values.make_backend(server.url))
