"""check(): whether credentials are good, without spending anything."""

from __future__ import annotations

import json
import time

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
from tests.servers import PATIENCE, Server, head, says, says_then_resets, says_then_waits

GOOD = b'{"success":true,"result":[],"errors":[],"messages":[],"result_info":{"count":0}}'


def edge(status: int, code: int, message: str) -> bytes:
    body = {"result": None, "success": False, "errors": [{"code": code, "message": message}], "messages": []}
    return head(status, "application/json") + json.dumps(body).encode()


def test_good() -> None:
    with Server(says(head(kind="application/json"), GOOD)) as server:
        sample_values.client().check(sample_values.backend(server.url))
    [request] = server.requests
    assert request.method == "GET"
    path, _, query = request.target.partition("?")
    assert path == f"/client/v4/accounts/{sample_values.ACCOUNT}/ai/models/search"
    assert query == "search=paddock-credential-check"
    assert request.headers["authorization"] == f"Bearer {sample_values.TOKEN}"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (edge(401, 10000, "Authentication error"), CredentialsRefused),
        (edge(403, 10000, "Authentication error"), AccountRefused),
        (edge(403, 9109, "Unauthorized to access requested resource"), AccountRefused),
        (edge(400, 9106, "Authentication failed (status: 400)"), CredentialsRefused),
        (edge(404, 7003, "Could not route to /client/v4/accounts/xyz"), AccountRefused),
        (edge(200, 10000, "Authentication error"), CredentialsRefused),
        (head(200, "text/html") + b"<html>Sign in</html>", Unintelligible),
        (head(404, "text/html") + b"<html>Not here</html>", Unintelligible),
        (head(200, "application/json") + b'{"resul', Unintelligible),
        (head(200, "application/json") + b"[]", Unintelligible),
        (head(200, "application/json") + b"{}", Unintelligible),
        (head(200, "application/json") + b'{"success":"true"}', Unintelligible),
        (head(200, "application/json"), Unintelligible),
        (head(503, "text/html") + b"<html>Down</html>", ServiceFailed),
        (head(302, location="https://elsewhere.example/") + b"", Unreachable),
        (b"", Unreachable),
        (b"SSH-2.0-OpenSSH_9.9\r\n", Unreachable),
    ],
)
def test_bad(reply: bytes, kind: type[PaddockError]) -> None:
    with Server(says(reply)) as server, pytest.raises(PaddockError) as failed:
        sample_values.client().check(sample_values.backend(server.url))
    assert type(failed.value) is kind
    assert failed.value.message
    assert failed.value.advice
    assert len(server.requests) == 1


def test_resets() -> None:
    for sent in (b"", head(kind="application/json"), head(kind="application/json") + GOOD[:9]):
        with Server(says_then_resets(sent)) as server, pytest.raises(Unreachable):
            sample_values.client().check(sample_values.backend(server.url))


def test_silence_is_bounded_by_the_time_to_connect() -> None:
    begun = time.monotonic()
    for sent in (b"", head(kind="application/json")):
        with Server(says_then_waits(sent)) as server, pytest.raises(TimedOut):
            sample_values.client(connect=0.2, first_byte=PATIENCE).check(sample_values.backend(server.url))
    assert time.monotonic() - begun < PATIENCE / 2


def test_a_flood_is_bounded() -> None:
    big = [head(kind="application/json"), b'{"success":true,"result":"', *[b"x" * 65536] * 1600]
    with Server(says(*big)) as server, pytest.raises(Unintelligible):
        sample_values.client().check(sample_values.backend(server.url))
