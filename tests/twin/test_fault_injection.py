"""Fault injection: each fault does what its name says, and only if it was requested."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from lib.api.backend import Secret
from lib.api.backend import twin_backend as backend_of
from lib.api.cancellation import CancelToken
from lib.api.client import WorkersAI
from lib.api.events import Event, TextDelta
from lib.api.request import Prompt, build_request
from lib.api.retries import RetryPolicy
from lib.api.transport import Timeouts
from lib.errors import CutOff, PaddockError, TimedOut
from lib.model.model_record import default_model
from lib.twin import fault_injection
from tests.twin.conftest import MODEL, ROOT, STORY, TOKEN, RunningTwin, end_twin, parse_events

BODY: dict[str, Any] = {"prompt": STORY, "temperature": 0, "max_tokens": 8}


def ask_with_fault(twin: RunningTwin, fault: str, path: str = f"run/{MODEL}", **more: Any) -> httpx.Response:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": STORY}],
        "max_tokens": 8,
        "temperature": 0,
    }
    return twin.client.post(
        twin.path(path), json={**(body if "v1" in path else BODY), **more}, headers={"x-paddock-fault": fault}
    )


# Recorded or documented: status, code, message (with the request's id for ID).
REFUSALS = [
    ("3021", 429, "rate limiting: inference request per min rate reached"),
    ("3040", 429, "Capacity temporarily exceeded, please try again."),
    (
        "4006",
        429,
        "AiError: AiError: you have used up your daily free allocation of 10,000 neurons, please upgrade to "
        "Cloudflare's Workers Paid plan if you would like to continue usage. (ID)",
    ),
    ("3046", 408, "Request timeout"),
    ("3007", 408, "Request timeout"),
    ("3008", 408, "Request was aborted"),
    ("3043", 500, "internal server error"),
    ("5028", 410, "The model was deprecated"),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("name", "status", "message"), REFUSALS)
def test_refusals(twin: RunningTwin, name: str, status: int, message: str, stream: bool) -> None:
    response = ask_with_fault(twin, name, stream=stream)
    assert response.status_code == status
    message = message.replace("ID", response.headers["cf-ai-req-id"])
    error = {"message": message, "code": int(name)}
    assert response.json() == {"errors": [error], "success": False, "result": {}, "messages": []}
    assert response.headers.get("retry-after") == ("1" if name == "3021" else None)


def test_a_token_that_is_not_known(twin: RunningTwin) -> None:
    response = ask_with_fault(twin, "10000")
    error = {"code": 10000, "message": "Authentication error"}
    assert response.status_code == 401
    assert response.json() == {"result": None, "success": False, "errors": [error], "messages": []}
    assert "cf-ai-req-id" not in response.headers


@pytest.mark.parametrize("status", [502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 530])
def test_web_pages(twin: RunningTwin, status: int) -> None:
    response = ask_with_fault(twin, f"{status};retry-after=7")
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert response.headers["retry-after"] == "7"
    assert response.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("path", [f"run/{MODEL}", "v1/chat/completions"])
def test_cut_within_an_event(twin: RunningTwin, path: str) -> None:
    body = {**BODY, "stream": True}
    if "v1" in path:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "stream": True}
    received = bytearray()

    def read() -> None:
        headers = {"x-paddock-fault": "cut;after=2"}
        with twin.client.stream("POST", twin.path(path), json=body, headers=headers) as response:
            for piece in response.iter_raw():
                received.extend(piece)

    with pytest.raises(httpx.RemoteProtocolError):
        read()
    *whole, part = bytes(received).split(b"\n\n")
    assert len(parse_events(b"".join(event + b"\n\n" for event in whole).decode())) == 2
    assert part.startswith(b"data: {")
    assert not part.endswith(b"}")
    twin.wait_for(running=0)


def test_a_short_answer_is_cut_too(twin: RunningTwin) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        ask_with_fault(twin, "cut;after=999", stream=True)


def test_a_whole_answer_is_cut_within(twin: RunningTwin) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        ask_with_fault(twin, "cut")


def test_no_done(twin: RunningTwin) -> None:
    usual, without = (
        parse_events(ask_with_fault(twin, name, stream=True).text) for name in ("none", "no-done")
    )
    assert usual[-1] == "[DONE]"
    assert [event["response"] for event in without] == [event["response"] for event in usual[:-1]]


def test_silence_lasts_until_the_client_leaves(twin: RunningTwin) -> None:
    for body in (BODY, {**BODY, "stream": True}):
        with pytest.raises(httpx.ReadTimeout):
            twin.client.post(twin.run, json=body, headers={"x-paddock-fault": "silence"}, timeout=0.7)
    twin.wait_for(running=0)


def test_silence_within_a_stream(twin: RunningTwin) -> None:
    received = ""

    def read() -> None:
        nonlocal received
        headers = {"x-paddock-fault": "silence;after=2"}
        with twin.client.stream(
            "POST",
            twin.run,
            json={**BODY, "stream": True},
            headers=headers,
            timeout=httpx.Timeout(60, read=8),
        ) as response:
            for text in response.iter_text():
                received += text

    with pytest.raises(httpx.ReadTimeout):
        read()
    assert len(parse_events(received)) == 2
    twin.wait_for(running=0)


def test_silence_for_a_while(twin: RunningTwin) -> None:
    text = twin.ask(**BODY).json()["result"]["response"]
    for fault in ("silence;seconds=0.8", "silence;seconds=0.8;after=1", "silence;seconds=0.8;after=99"):
        begun = time.monotonic()
        *texts, _, done = parse_events(ask_with_fault(twin, fault, stream=True).text)
        assert time.monotonic() - begun > 0.8
        assert ("".join(event["response"] for event in texts), done) == (text, "[DONE]")
        assert ask_with_fault(twin, fault).json()["result"]["response"] == text


def test_slow(twin: RunningTwin) -> None:
    begun = time.monotonic()
    events = parse_events(ask_with_fault(twin, "slow;seconds=0.1", stream=True).text)
    assert time.monotonic() - begun > 0.1 * len(events)
    begun = time.monotonic()
    assert ask_with_fault(twin, "slow;seconds=0.5").status_code == 200
    assert time.monotonic() - begun > 0.5


def test_every_second_request_and_by_chance(twin: RunningTwin) -> None:
    assert [ask_with_fault(twin, "3040;every=2").status_code for _ in range(4)] == [200, 429, 200, 429]
    assert ask_with_fault(twin, "3040;chance=0").status_code == 200
    assert ask_with_fault(twin, "3040;chance=1").status_code == 429
    statuses = {ask_with_fault(twin, "3040;chance=0.5", max_tokens=1).status_code for _ in range(20)}
    assert statuses == {200, 429}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "no fault is named ''; there are 3021, 3040"),
        ("nothing", "no fault is named 'nothing'; there are 3021, 3040"),
        ("3040;after=1", "the fault 3040 has no option 'after'; it has every, chance, retry-after"),
        ("none;every=2", "no fault is named 'none'"),
        ("cut;after=-1", "after must be a whole number from 0 to 1000000, not '-1'"),
        ("cut;after", "after must be a whole number from 0 to 1000000, not ''"),
        ("cut;every=1.5", "every must be a whole number from 1 to 1000000, not '1.5'"),
        ("slow;seconds=inf", "seconds must be a number from 0 to 3600, not 'inf'"),
        ("slow;seconds=nan", "seconds must be a number from 0 to 3600, not 'nan'"),
        ("cut;", "the fault cut has no option ''"),
    ],
)
def test_an_unknown_fault_is_refused(twin: RunningTwin, header: str, reason: str) -> None:
    response = ask_with_fault(twin, header)
    assert response.status_code == 400
    error = response.json()["errors"][0]
    assert error["code"] == 5006
    assert f"x-paddock-fault: {reason}" in error["message"]


def test_authentication_comes_before_a_fault(twin: RunningTwin) -> None:
    headers = {"x-paddock-fault": "3040", "authorization": "Bearer " + "a" * 40}
    assert twin.client.post(twin.run, json=BODY, headers=headers).status_code == 401


def test_an_option_is_for_all_and_the_header_wins(spawn: Callable[..., RunningTwin]) -> None:
    failing = spawn("--fault", "3043;every=2", "--slots", "1", "--context", "512")
    assert [failing.ask(**BODY).status_code for _ in range(3)] == [200, 500, 200]
    assert ask_with_fault(failing, "none").status_code == 200
    assert ask_with_fault(failing, "5028").status_code == 410
    assert failing.ask(**BODY).status_code == 500
    assert failing.client.get(failing.path("models/search")).status_code == 200
    assert end_twin(failing.process) == 0


def test_help_lists_them_and_an_unknown_one_is_refused() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lib.twin", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    help_text = run("--help").stdout
    for name in fault_injection.FAULTS:
        assert re.search(rf"^  {re.escape(name)} +\S", help_text, re.MULTILINE), name
    unknown = run("--fault", "x")
    assert unknown.returncode == 2
    assert "no fault is named 'x'; there are 3021" in unknown.stderr


def test_openai_retries_after_retry_after(twin: RunningTwin) -> None:
    with openai.OpenAI(
        api_key=TOKEN,
        base_url=twin.path("v1"),
        max_retries=1,
        default_headers={"x-paddock-fault": "3021;every=2;retry-after=2"},
    ) as client:
        # The second request is refused, and is sent again two seconds later.
        for minimum in (0, 2):
            begun = time.monotonic()
            completion = client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "x"}], max_tokens=1
            )
            assert completion.choices
            assert time.monotonic() - begun > minimum


def test_openai_raises_its_error(twin: RunningTwin) -> None:
    with (
        openai.OpenAI(
            api_key=TOKEN,
            base_url=twin.path("v1"),
            max_retries=0,
            default_headers={"x-paddock-fault": "4006"},
        ) as client,
        pytest.raises(openai.RateLimitError) as caught,
    ):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
    assert caught.value.response.json()["errors"][0]["code"] == 4006


@pytest.mark.parametrize(
    ("fault", "kind"), [("cut", PaddockError), ("no-done", CutOff), ("silence;after=2", TimedOut)]
)
def test_the_pages_client_keeps_the_text_before_a_fault(
    spawn: Callable[..., RunningTwin], fault: str, kind: type[PaddockError]
) -> None:
    failing = spawn("--fault", fault, "--slots", "1", "--context", "512")
    backend = backend_of(failing.base_url, failing.account, Secret(TOKEN), "x", 512)
    client = WorkersAI(Timeouts(first_byte=60, silence=5), RetryPolicy(attempts=1))
    received: list[Event] = []
    request = build_request(default_model(), Prompt(STORY), {"max_tokens": 8})
    with pytest.raises(kind):
        received.extend(client.stream(backend, request, CancelToken()))
    assert [event for event in received if isinstance(event, TextDelta)]
    assert end_twin(failing.process) == 0
