"""The supervisor changes the model without losing an answer, and remembers the choice."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lib.api.backend import Backend
from lib.local_models.supervised_twin import Failed, Ready
from lib.local_models.supervisor import Supervisor
from tests.twin.conftest import MODEL
from tests.twin.llama_model import BYTES, write_llama_model
from tests.waiting import wait_until

SECONDS = 180.0
# So slow that the answer ends long after everything that the test waits for.
SLOW = {"x-paddock-fault": "slow;seconds=0.05"}


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PADDOCK_CONTEXT", "4096")
    monkeypatch.delenv("PADDOCK_MODEL", raising=False)


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Return a model that writes “Ok” and a line break until the limit."""
    return write_llama_model(tmp_path / "endless.gguf", end=BYTES[ord("\n")], general__name="Endless Test")


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """Return a model that writes “Yes”."""
    return write_llama_model(tmp_path / "short.gguf", answer="Yes", general__name="Short Test")


def ready_backend(supervisor: Supervisor, label: str) -> Backend:
    """Return the backend once that model answers."""

    def answers() -> bool:
        state = supervisor.state
        assert not isinstance(state, Failed), state
        return isinstance(state, Ready) and label in state.backend.label

    wait_until(answers, SECONDS)
    assert isinstance(supervisor.state, Ready)
    return supervisor.state.backend


def read_texts(response: httpx.Response) -> Iterator[str]:
    """Yield the text of each event."""
    for line in response.iter_lines():
        data = line.removeprefix("data: ")
        if data and data != "[DONE]":
            yield json.loads(data).get("response") or ""


def ask(backend: Backend) -> str:
    url, headers = f"{backend.run_url}/{MODEL}", {"authorization": f"Bearer {backend.token.reveal()}"}
    body = {"prompt": "Hello", "temperature": 0, "max_tokens": 50}
    response = httpx.post(url, json=body, headers=headers, timeout=SECONDS, trust_env=False)
    return str(response.json()["result"]["response"])


def test_a_running_answer_outlives_the_change_of_the_model(endless: Path, short: Path) -> None:
    asked: list[Backend] = []
    supervisor = Supervisor(lambda backend: bool(asked.append(backend)))
    supervisor.switch_to(str(endless))
    try:
        old = ready_backend(supervisor, "Endless Test on this computer")
        (old_pid,) = supervisor.pids
        url, headers = f"{old.run_url}/{MODEL}", {"authorization": f"Bearer {old.token.reveal()}"}
        body = {"prompt": "Hello", "temperature": 0, "max_tokens": 3900, "stream": True}
        with httpx.stream(
            "POST", url, json=body, headers=headers | SLOW, timeout=SECONDS, trust_env=False
        ) as response:
            texts = read_texts(response)
            text = next(texts)
            supervisor.switch_to(str(short))
            # From then on nothing in this process uses the old twin, so it is told to finish.
            while not asked:
                assert isinstance(supervisor.state, Ready), "one of the two always answers"
                text += next(texts)
            assert supervisor.up_to_date(old) == ready_backend(supervisor, "Short Test")
            assert ask(ready_backend(supervisor, "Short Test")) == "Yes"
            # For longer than an ended twin goes on with what it has begun.
            for _ in range(200):
                text += next(texts)
        assert asked == [old]
        assert len(text) > 200
        assert text == ("Ok\n" * len(text))[: len(text)]
        wait_until(lambda: old_pid not in supervisor.pids, SECONDS)
        with pytest.raises(ProcessLookupError):
            os.kill(old_pid, 0)
    finally:
        supervisor.close()


def test_the_choice_is_remembered(endless: Path, short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor()
    supervisor.switch_to(str(short))
    try:
        before = ready_backend(supervisor, "Short Test")
        wait_until(lambda: not supervisor.next_model, SECONDS)
        # A model that cannot start leaves everything as it is.
        broken = endless.with_name("broken.gguf")
        broken.write_bytes(b"GGUF")
        supervisor.switch_to(str(broken))
        wait_until(lambda: supervisor.problem is not None, SECONDS)
        assert ready_backend(supervisor, "Short Test") == before
        assert ask(before) == "Yes"
    finally:
        supervisor.close()
    wait_until(lambda: Supervisor().model == str(short))
    monkeypatch.setenv("PADDOCK_MODEL", str(endless))
    assert Supervisor().model == str(endless)
    monkeypatch.delenv("PADDOCK_MODEL")
    short.unlink()
    assert Supervisor().model == "smollm2-135m"
