"""A running twin, started once for all tests, and a fixture that starts others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from lib.twin import weights
from tests.twin.short_model import write_short_model

ROOT = Path(__file__).parents[2]
MODEL = "@cf/meta/llama-3.2-1b-instruct"
TOKEN = "twin-test-token_0123456789-0123456789-01"


@dataclass(frozen=True)
class RunningTwin:
    """A running twin: its process, its ``ready`` message, and a client with its token."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    client: httpx.Client

    @property
    def base_url(self) -> str:
        return str(self.ready["base_url"])

    @property
    def account(self) -> str:
        return str(self.ready["account_id"])

    def path(self, rest: str) -> str:
        return f"{self.base_url}/accounts/{self.account}/ai/{rest}"

    @property
    def run(self) -> str:
        return self.path(f"run/{MODEL}")

    def ask(self, **body: Any) -> httpx.Response:
        return self.client.post(self.run, json=body)

    def answer(self, **body: Any) -> str:
        """Return the text of a whole answer, by default to a short prompt."""
        response = self.ask(**{"prompt": STORY, "max_tokens": 24, **body})
        assert response.status_code == 200, response.text
        return str(response.json()["result"]["response"])

    def slots(self) -> dict[str, int]:
        result: dict[str, int] = self.client.get(self.path("paddock/slots")).json()["result"]
        return result

    def wait_for(self, **counts: int) -> None:
        """Wait until the slots have these counts."""
        end = time.monotonic() + 60.0
        while not counts.items() <= (slots := self.slots()).items():
            assert time.monotonic() < end, slots
            time.sleep(0.01)


STORY = "Write a short story about a fox and a river."
WEATHER = {
    "name": "weather",
    "description": "The weather now in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "The city's name"}},
        "required": ["city"],
    },
}


def parse_events(text: str) -> list[Any]:
    """Parse the events of a whole stream; [DONE] becomes that string."""
    assert text.endswith("\n\n")
    lines = text.removesuffix("\n\n").split("\n\n")
    assert all(line.startswith("data: ") and "\n" not in line for line in lines)
    datas = [line.removeprefix("data: ") for line in lines]
    return [data if data == "[DONE]" else json.loads(data) for data in datas]


def start_twin(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PADDOCK_MODEL"}
    return subprocess.Popen(
        [sys.executable, "-m", "lib.twin", *arguments],
        cwd=ROOT,
        env={**inherited, "PADDOCK_TWIN_TOKEN": TOKEN, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def read_states(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """Yield the messages of a supervised twin until its stdout ends."""
    assert process.stdout
    for line in process.stdout:
        yield json.loads(line)


def start_ready_twin(*arguments: str, **environment: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Start a supervised twin on a free port. Return its process, and its message once it is ready."""
    process = start_twin("--supervised", "--port", "0", *arguments, **environment)
    ready = next(state for state in read_states(process) if state["state"] in ("ready", "failed"))
    assert ready["state"] == "ready", ready
    return process, ready


def end_twin(process: subprocess.Popen[str]) -> int:
    if process.stdin and not process.stdin.closed:
        process.stdin.close()
    try:
        return process.wait(60)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture(scope="session")
def short_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the shipped model with its first layers only."""
    return write_short_model(weights.ensure_weights(), tmp_path_factory.mktemp("model") / "short.gguf")


@pytest.fixture(scope="session")
def spawn(short_model: Path) -> Iterator[Callable[..., RunningTwin]]:
    """Start twins that end with the tests, with the short model unless ``whole`` or PADDOCK_MODEL says otherwise."""
    twins: list[RunningTwin] = []

    def spawn_twin(*arguments: str, whole: bool = False, **environment: str) -> RunningTwin:
        model = {} if whole else {"PADDOCK_MODEL": str(short_model)}
        # Two, because the tests of the queue fill them all.
        process, ready = start_ready_twin("--slots", "2", *arguments, **(model | environment))
        client = httpx.Client(headers={"authorization": f"Bearer {TOKEN}"}, timeout=300, trust_env=False)
        twins.append(RunningTwin(process, ready, client))
        return twins[-1]

    yield spawn_twin
    for twin in twins:
        twin.client.close()
        end_twin(twin.process)


@pytest.fixture(scope="session")
def twin(spawn: Callable[..., RunningTwin]) -> RunningTwin:
    """Return a twin with the short model. Its answers are noise."""
    return spawn()


@pytest.fixture(scope="session")
def whole_twin(spawn: Callable[..., RunningTwin]) -> RunningTwin:
    """Return a twin with the shipped model."""
    return spawn(whole=True)
