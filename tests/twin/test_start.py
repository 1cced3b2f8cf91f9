"""The twin's process: its messages while it starts, failed starts, and its end."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from lib.local_models.model_source import RemoteModel, parse_source
from lib.twin import weights
from tests.twin.conftest import MODEL, ROOT, TOKEN, RunningTwin, end_twin, read_states, start_twin

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


def failed_start(*arguments: str, **environment: str) -> dict[str, Any]:
    process = start_twin("--supervised", *arguments, **environment)
    states = list(read_states(process))
    assert end_twin(process) == 1
    assert list(states[-1]) == ["state", "reason", "advice"]
    assert states[-1]["state"] == "failed"
    return states[-1]


def test_ready(whole_twin: RunningTwin) -> None:
    keys = ["state", "base_url", "account_id", "model", "file", "context_window", "pid", "mark"]
    assert list(whole_twin.ready) == keys
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/client/v4", whole_twin.base_url)
    assert re.fullmatch("[0-9a-f]{32}", whole_twin.account)
    assert (whole_twin.ready["model"], whole_twin.ready["context_window"]) == ("SmolLM2-135M", 8192)
    assert whole_twin.ready["file"] == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert whole_twin.ready["pid"] == whole_twin.process.pid


def test_options_and_states(spawn: Callable[..., RunningTwin]) -> None:
    account = "0123456789abcdef" * 2
    other = spawn("--slots", "1", "--threads", "1", "--context", "512", PADDOCK_TWIN_ACCOUNT=account)
    assert other.account == account
    assert other.ready["context_window"] == 512
    assert other.slots()["slots"] == 1
    assert other.ask(prompt="x", max_tokens=600).json()["errors"][0]["code"] == 5021
    assert end_twin(other.process) == 0


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failure = failed_start("--port", str(port))
    assert str(port) in failure["reason"]
    assert "--port" in failure["advice"]


@posix
def test_the_port_is_free_again_after_a_crash(spawn: Callable[..., RunningTwin]) -> None:
    first = spawn()
    port = str(urlsplit(first.base_url).port)
    with first.client.stream("POST", first.run, json={"prompt": "x", "stream": True}) as response:
        assert next(response.iter_lines())
        first.process.kill()
        first.process.wait()
    process = start_twin("--supervised", "--port", port)
    assert [state["state"] for state in (next(read_states(process)), next(read_states(process)))] == [
        "loading",
        "ready",
    ]
    assert end_twin(process) == 0


def test_a_users_file_is_missing(tmp_path: Path) -> None:
    failure = failed_start("--port", "0", PADDOCK_MODEL=str(tmp_path / "none.gguf"))
    assert "none.gguf" in failure["reason"]
    assert "PADDOCK_MODEL" in failure["advice"]


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"hello" * 100, b"GGUF" + struct.pack("<IQQ", 3, 1, 2**40)]
)
def test_a_users_file_is_no_gguf(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(content)
    assert "not a GGUF" in failed_start("--port", "0", PADDOCK_MODEL=str(tmp_path / "bad.gguf"))["reason"]


def test_a_users_file_is_cut_off(tmp_path: Path) -> None:
    whole = weights.ensure_weights().read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[: len(whole) // 2])
    assert failed_start("--port", "0", PADDOCK_MODEL=str(tmp_path / "cut.gguf"))["advice"]


def test_a_users_file(spawn: Callable[..., RunningTwin], tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").symlink_to(weights.ensure_weights())
    own = spawn(PADDOCK_MODEL=str(tmp_path / "mine.gguf"), PADDOCK_CONTEXT="1024")
    assert own.ready["file"] == "mine.gguf"
    # The file's general.name.
    assert own.ready["model"] == "Smollm2 135M 8k Lc100K Mix1 Ep2"
    assert own.ready["context_window"] == 1024
    assert own.answer(max_tokens=1)
    assert end_twin(own.process) == 0


def test_a_model_that_is_named_on_the_command_line(
    spawn: Callable[..., RunningTwin], short_model: Path
) -> None:
    named = spawn("--model", str(short_model), whole=True)
    assert named.ready["file"] == "short.gguf"
    assert named.ready["mark"] == ""
    assert end_twin(named.process) == 0


def test_a_model_that_was_downloaded_from_an_address(
    spawn: Callable[..., RunningTwin], short_model: Path, tmp_path: Path
) -> None:
    address = "https://files.example/short.gguf"
    # The supervised twin has no token for a hub, so it downloads nothing.
    failure = failed_start("--port", "0", "--model", address, PADDOCK_DATA_DIR=str(tmp_path))
    assert f"--model {address}" in failure["advice"]
    source = parse_source(address)
    assert isinstance(source, RemoteModel)
    content = short_model.read_bytes()
    folder = tmp_path / "models" / source.id
    folder.mkdir(parents=True)
    folder.joinpath(source.file).write_bytes(content)
    record = {"id": source.id, "name": source.name, "file": source.file, "size": len(content)}
    record["sha256"] = hashlib.sha256(content).hexdigest()
    folder.joinpath("installed.json").write_text(json.dumps(record))
    own = spawn(PADDOCK_MODEL=address, PADDOCK_DATA_DIR=str(tmp_path))
    assert own.ready["file"] == "short.gguf"
    assert end_twin(own.process) == 0


def test_without_a_token() -> None:
    assert "PADDOCK_TWIN_TOKEN" in failed_start("--port", "0", PADDOCK_TWIN_TOKEN="a b")["reason"]


def test_the_data_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    failure = failed_start("--port", "0", PADDOCK_DATA_DIR=str(tmp_path / "file"))
    assert "PADDOCK_DATA_DIR" in failure["advice"]


def test_no_network(tmp_path: Path) -> None:
    nowhere = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
    }
    process = start_twin("--supervised", "--port", "0", PADDOCK_DATA_DIR=str(tmp_path), **nowhere)
    states = list(read_states(process))
    assert end_twin(process) == 1
    assert {state["state"] for state in states[:-1]} == {"fetching"}
    assert states[-1]["state"] == "failed"
    assert "network" in states[-1]["advice"]
    assert [path.name for path in tmp_path.iterdir()] == ["weights.lock"]


def test_parent_gone_while_fetching(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        environment = {
            "PADDOCK_DATA_DIR": str(tmp_path),
            "PIP_INDEX_URL": index,
            "PIP_CONFIG_FILE": os.devnull,
        }
        process = start_twin("--supervised", "--port", "0", **environment)
        assert next(read_states(process))["state"] == "fetching"
        assert end_twin(process) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["weights.lock"]


def test_parent_gone(spawn: Callable[..., RunningTwin]) -> None:
    child = spawn()
    assert end_twin(child.process) == 0


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_on_a_terminal(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lib.twin", "--port", "0"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PADDOCK_TWIN")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    text = ""
    while "curl" not in text:
        text += process.stdout.readline()
    names = dict(re.findall(r"export (\w+)=(\S+)", text))
    assert set(names) == {"CLOUDFLARE_BASE_URL", "CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN"}
    assert re.fullmatch(r"[\w-]{40}", names["CLOUDFLARE_API_TOKEN"])
    url = f"{names['CLOUDFLARE_BASE_URL']}/accounts/{names['CLOUDFLARE_ACCOUNT_ID']}/ai/run/{MODEL}"
    headers = {"authorization": f"Bearer {names['CLOUDFLARE_API_TOKEN']}"}
    body = {"prompt": "Hello", "max_tokens": 1}
    assert httpx.post(url, json=body, headers=headers, trust_env=False).status_code == 200
    process.send_signal(number)
    assert process.wait(60) == 0
    assert process.stderr.read() == ""
    process.stdout.close()
    process.stderr.close()


def test_help_and_bad_options() -> None:
    for arguments, code in (
        (["--help"], 0),
        (["--slots", "0"], 2),
        (["--account", "x"], 2),
        (["--host", "x"], 2),
        (["--list-models"], 0),
    ):
        command = [sys.executable, "-m", "lib.twin", *arguments]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == code


def test_the_token_is_never_printed(spawn: Callable[..., RunningTwin]) -> None:
    process = start_twin("--supervised", "--port", "0")
    states = []
    for state in read_states(process):
        states.append(json.dumps(state))
        if state["state"] == "ready":
            threading.Timer(0, lambda: process.stdin and process.stdin.close()).start()
    assert end_twin(process) == 0
    assert TOKEN not in "".join(states)
