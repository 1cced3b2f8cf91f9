"""Slots: many clients, clients that disconnect, and a twin that ends while it answers."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.twin.conftest import MODEL, STORY, TOKEN, RunningTwin, end_twin, parse_events

LONG = "a" + " a" * 2000
# The short model's most likely answer to it has no end.
FOREVER: dict[str, Any] = {"prompt": "1 2 3 4 5 6 7 8 9", "raw": True, "temperature": 0, "max_tokens": 6000}


@contextlib.contextmanager
def raw_request(twin: RunningTwin, body: dict[str, Any]) -> Iterator[socket.socket]:
    """Send a request on a plain socket, and disconnect at the end of the block."""
    where, content = urlsplit(twin.run), json.dumps(body).encode()
    head = f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {TOKEN}\r\n"
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=60) as connection:
        connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        yield connection


def assert_waiting(connection: socket.socket) -> None:
    """Assert that the answer has not come: an equal request that was sent later cannot have ended by itself."""
    assert select.select([connection], [], [], 0)[0] == []


def test_more_clients_than_slots_get_their_own_answers(twin: RunningTwin) -> None:
    def ask(seed: int) -> tuple[str, str]:
        body = {"prompt": STORY, "seed": seed, "temperature": 1, "max_tokens": 30}
        *texts, _, done = parse_events(twin.ask(**body, stream=True).text)
        return "".join(event["response"] for event in texts), done

    alone = [ask(seed) for seed in range(1, 4)]
    with ThreadPoolExecutor(9) as pool:
        together = list(pool.map(ask, [seed % 3 + 1 for seed in range(9)]))
    assert together == [alone[seed % 3] for seed in range(9)]
    assert len(set(alone)) == 3
    assert {done for _, done in together} == {"[DONE]"}


@pytest.mark.parametrize("stream", [True, False])
def test_a_disconnect_frees_the_slot(twin: RunningTwin, stream: bool) -> None:
    with raw_request(twin, FOREVER) as other:
        twin.wait_for(running=1)
        with raw_request(twin, {**FOREVER, "stream": stream}) as connection:
            twin.wait_for(running=2)
            if stream:
                assert connection.recv(100)
        twin.wait_for(running=1)
        assert_waiting(other)
    twin.wait_for(running=0)


@pytest.mark.parametrize("stream", [True, False])
def test_a_disconnect_before_the_first_token_frees_the_slot(twin: RunningTwin, stream: bool) -> None:
    with raw_request(twin, FOREVER) as other:
        twin.wait_for(running=1)
        with raw_request(twin, {**FOREVER, "prompt": LONG, "stream": stream}):
            twin.wait_for(running=2)
        twin.wait_for(running=1)
        assert_waiting(other)
    twin.wait_for(running=0)


def test_a_disconnect_in_the_queue_leaves_it(twin: RunningTwin) -> None:
    with raw_request(twin, FOREVER), raw_request(twin, FOREVER):
        twin.wait_for(running=2)
        with raw_request(twin, FOREVER), raw_request(twin, {**FOREVER, "stream": True}):
            twin.wait_for(running=2, waiting=2)
        twin.wait_for(running=2, waiting=0)
    twin.wait_for(running=0)


def test_a_request_that_does_not_wait_needs_a_free_slot(twin: RunningTwin) -> None:
    short = {"prompt": STORY, "max_tokens": 2, "options": {"rejectIfBusy": True}}
    for _ in range(4):  # the slot of an answer that has ended is free
        assert twin.ask(**short).status_code == 200
    with raw_request(twin, FOREVER), raw_request(twin, FOREVER):
        twin.wait_for(running=2)
        for stream in (True, False):
            refused = twin.ask(**short, stream=stream)
            assert (refused.status_code, refused.json()["errors"][0]["code"]) == (429, 3040)
        chat = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "options": short["options"]}
        assert twin.client.post(twin.path("v1/chat/completions"), json=chat).status_code == 429
    twin.wait_for(running=0)


def test_a_full_queue_is_refused(twin: RunningTwin) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(18):
            stack.enter_context(raw_request(twin, FOREVER))
        twin.wait_for(running=2, waiting=16)
        response = twin.ask(prompt=STORY)
        assert response.status_code == 429
        # The documented message of 3040.
        error = {"message": "Capacity temporarily exceeded, please try again.", "code": 3040}
        assert response.json()["errors"] == [error]
    twin.wait_for(running=0, waiting=0)
    assert twin.answer(max_tokens=1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_while_answering(spawn: Callable[..., RunningTwin]) -> None:
    mortal = spawn()
    lines: list[str] = []

    def read() -> None:
        with mortal.client.stream("POST", mortal.run, json={**FOREVER, "stream": True}) as response:
            for line in response.iter_lines():
                lines.append(line)
                if len(lines) == 5:
                    mortal.process.send_signal(signal.SIGKILL)

    with pytest.raises(httpx.TransportError):
        read()
    assert len(lines) >= 5
    assert "data: [DONE]" not in lines


@pytest.mark.parametrize("way", ["stdin", "SIGTERM", "SIGINT"])
def test_ended_while_answering(spawn: Callable[..., RunningTwin], way: str) -> None:
    if way != "stdin" and sys.platform == "win32":
        pytest.skip("Windows has no such signals")
    mortal = spawn()
    lines: list[str] = []
    with (
        contextlib.suppress(httpx.TransportError),
        mortal.client.stream("POST", mortal.run, json={**FOREVER, "stream": True}) as response,
    ):
        for line in response.iter_lines():
            lines.append(line)
            if len(lines) == 5 and way == "stdin" and mortal.process.stdin:
                mortal.process.stdin.close()
            elif len(lines) == 5:
                mortal.process.send_signal(signal.Signals[way])
    assert "data: [DONE]" not in lines
    assert mortal.process.wait(60) == 0
    assert end_twin(mortal.process) == 0
