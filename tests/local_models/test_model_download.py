"""The download of a model: it continues, checks what it gets, and gives the token to the hub alone."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from lib.api.backend import Secret
from lib.api.cancellation import Cancelled, CancelToken
from lib.errors import BadInput, DownloadFailed
from lib.local_models import requirements
from lib.local_models.hub import Hub, hub_from_environment
from lib.local_models.model_download import Patience, download_model
from lib.local_models.model_folder import (
    downloaded_bytes,
    find_installed,
    list_installed,
    part_of,
    remove_model,
)
from lib.local_models.model_source import RemoteModel
from tests.local_models import download_process
from tests.local_models.model_server import (
    ModelServer,
    corrupt_at,
    cut_at,
    hold_at,
    ignore_range,
    refuse,
    send_file,
    send_on_to,
)
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
SIZE = 1_500_000
CONTENT = b"GGUF" + random.Random(7).randbytes(SIZE - 4)
PINNED = RemoteModel(
    id="small",
    name="Small",
    file="small.gguf",
    hub_path="/owner/small/resolve/0123/small.gguf",
    size=SIZE,
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)
# The server tells its size and checksum.
UNPINNED = replace(PINNED, size=0, sha256="")
TOKEN = "hf_marked-secret-token"
SOON = Patience(attempts=2, first_wait=0.0)


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path / "data"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(CONTENT) as server:
        yield server


def fetch(server: ModelServer, model: RemoteModel = PINNED, token: str = "") -> Path:
    hub = Hub(httpx.URL(server.url), Secret(token) if token else None)
    return download_model(model, hub, patience=SOON)


def failed(server: ModelServer, model: RemoteModel = PINNED) -> DownloadFailed:
    with pytest.raises(DownloadFailed) as caught:
        fetch(server, model)
    assert caught.value.advice
    return caught.value


def test_a_model_is_downloaded_once(server: ModelServer) -> None:
    reported: list[tuple[int, int]] = []
    path = download_model(
        PINNED, Hub(httpx.URL(server.url)), lambda done, total: reported.append((done, total))
    )
    assert path.read_bytes() == CONTENT
    assert {total for _, total in reported} == {SIZE}
    assert [model.name for model in list_installed()] == ["Small"]
    assert fetch(server) == path
    assert [request.path for request in server.requests] == [PINNED.hub_path]
    assert sorted(file.name for file in path.parent.iterdir()) == ["installed.json", "lock", "small.gguf"]
    # Its content is compared again only if the file has changed.
    blocks: list[str] = []
    assert find_installed(PINNED, lambda: blocks.append("read")) == path
    assert blocks == []
    for content, found in ((CONTENT, path), (CONTENT[:-1] + b"x", None)):
        changed = path.stat().st_mtime + 1
        path.write_bytes(content)
        os.utime(path, (changed, changed))
        assert find_installed(PINNED, lambda: blocks.append("read")) == found
    assert len(blocks) > 1
    assert remove_model("small")
    assert not path.parent.exists()
    assert not remove_model("small")


def test_no_byte_is_sent_twice_through_twenty_cuts_and_three_restarts(server: ModelServer) -> None:
    """Kill the process three times while the server is silent, then break the connection twenty times."""
    stops = sorted(random.Random(3).sample(range(5, SIZE), 23))
    for end in stops[:3]:
        server.scripts.append(hold_at(end))
        process = subprocess.Popen(
            [*(sys.executable, "-m", download_process.__name__), server.url, json.dumps(asdict(PINNED))],
            cwd=ROOT,
        )
        try:
            wait_until(lambda end=end: downloaded_bytes(PINNED) == end)  # type: ignore[misc]
        finally:
            process.kill()
            process.wait()
    server.scripts.extend(cut_at(end) for end in stops[3:])
    assert fetch(server).read_bytes() == CONTENT
    assert [request.start for request in server.requests] == [0, *stops]
    assert server.sent == SIZE


def test_one_wrong_byte_is_refused(server: ModelServer) -> None:
    server.scripts.append(corrupt_at(SIZE // 2))
    assert "checksum" in failed(server).message
    assert list_installed() == []
    assert downloaded_bytes(PINNED) == 0
    assert fetch(server).read_bytes() == CONTENT


def test_a_checksum_that_the_hub_tells_is_compared(server: ModelServer) -> None:
    with ModelServer(CONTENT[:-1] + b"x") as store:
        server.scripts.append(send_on_to(f"{store.url}/blob", x_linked_etag=f'"{PINNED.sha256}"'))
        assert "checksum" in failed(server, UNPINNED).message


@pytest.mark.parametrize("etag", ['"second"', 'W/"weak"', ""])
def test_a_file_that_has_changed_begins_again(server: ModelServer, etag: str) -> None:
    server.scripts.append(cut_at(SIZE // 2))
    server.scripts.append(refuse(404))
    failed(server, UNPINNED)
    assert downloaded_bytes(UNPINNED) == SIZE // 2
    server.content, server.etag = b"GGUF" + CONTENT[:4:-1], etag
    assert fetch(server, UNPINNED).read_bytes() == server.content


def test_without_an_etag_a_pinned_file_continues_and_another_begins_again(server: ModelServer) -> None:
    server.etag = ""
    for model, start in ((PINNED, SIZE // 2), (replace(UNPINNED, id="other"), 0)):
        server.scripts.append(cut_at(SIZE // 2))
        assert fetch(server, model).read_bytes() == CONTENT
        assert server.requests[-1].start == start


@pytest.mark.parametrize("script", [ignore_range, refuse(416)])
def test_a_server_that_cannot_continue_sends_it_again(server: ModelServer, script: object) -> None:
    server.scripts.extend([cut_at(SIZE // 2), script])  # type: ignore[list-item]
    assert fetch(server).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: ModelServer) -> None:
    server.scripts.extend([refuse(503, retry_after="0"), cut_at(SIZE // 3), refuse(429), send_file])
    assert fetch(server).read_bytes() == CONTENT
    server.scripts.extend([refuse(503)] * 2)
    assert "503" in failed(server, replace(PINNED, id="other")).message


@pytest.mark.parametrize(("status", "advice"), [(401, "HF_TOKEN"), (403, "HF_TOKEN"), (404, "HF_ENDPOINT")])
def test_a_refusal_says_what_to_do(server: ModelServer, status: int, advice: str) -> None:
    server.scripts.append(refuse(status))
    error = failed(server)
    assert str(status) in error.message
    assert advice in error.advice
    assert len(server.requests) == 1


def test_what_is_no_model_is_refused(server: ModelServer) -> None:
    server.scripts.append(refuse(200, b"<html>Sign in</html>"))
    assert "GGUF" in failed(server, UNPINNED).message
    assert downloaded_bytes(UNPINNED) == 0
    server.scripts.append(refuse(200, b"<html>Sign in</html>"))
    assert "another file" in failed(server).message


def test_a_full_disk(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = requirements.shutil._ntuple_diskusage(10**9, 10**9, 10**6)  # type: ignore[attr-defined]
    with monkeypatch.context() as patched:
        patched.setattr(requirements.shutil, "disk_usage", lambda _: usage)
        assert "the disk has 1 MB free" in failed(server).message

    def send_to_full_disk(handler: Any) -> None:
        # Each write to this file fails.
        part_of(PINNED).symlink_to("/dev/full")
        send_file(handler)

    server.scripts.append(send_to_full_disk)
    error = failed(server)
    assert error.message == "The disk is full."
    assert "PADDOCK_DATA_DIR" in error.advice


def test_too_little_memory(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "read_memory", lambda: 10**9)
    assert "memory" in failed(server, replace(PINNED, memory=2 * 10**9)).message
    assert server.requests == []


def test_a_silent_server_can_be_left_at_once(server: ModelServer) -> None:
    server.scripts.append(hold_at(SIZE // 2))
    token, outcomes = CancelToken(), []

    def run() -> None:
        try:
            download_model(PINNED, Hub(httpx.URL(server.url)), cancel_token=token)
        except Cancelled as cancelled:
            outcomes.append(cancelled)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: downloaded_bytes(PINNED) == SIZE // 2)
    token.cancel()
    thread.join(30)
    assert len(outcomes) == 1
    assert fetch(server).read_bytes() == CONTENT
    assert server.sent == SIZE


def test_two_at_once_download_it_once(server: ModelServer) -> None:
    paths: list[Path] = []
    threads = [threading.Thread(target=lambda: paths.append(fetch(server))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(paths)) == 1
    assert len(server.requests) == 1


def test_the_token_goes_to_the_hub_alone(server: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ModelServer(CONTENT) as store:
        server.scripts.append(send_on_to("/again"))
        server.scripts.append(send_on_to(f"{store.url}/blob?signature=1"))
        assert fetch(server, token=TOKEN).read_bytes() == CONTENT
        assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {TOKEN}"] * 2
        assert "authorization" not in store.requests[0].headers
    # A server that sends the token back does not get it into an error.
    for script in (refuse(403, TOKEN.encode()), send_on_to(f"ftp://{TOKEN}/"), refuse(200, TOKEN.encode())):
        server.scripts.append(script)
        with pytest.raises(DownloadFailed) as caught:
            fetch(server, replace(UNPINNED, id="other"), TOKEN)
        assert TOKEN not in "".join(traceback.format_exception(caught.value)) + caught.value.advice
    assert TOKEN not in caplog.text


def test_a_redirect_never_leads_into_the_network(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Play a hub of the Internet whose name leads to this computer."""
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1", *rest, **more))
    hub = Hub(httpx.URL(f"http://hub.example:{server.port}"))
    for location in (
        f"http://127.0.0.1:{server.port}/x",
        f"http://[::ffff:127.0.0.1]:{server.port}/x",
        "https://localhost/x",
        # A name of the Internet with an address of the network.
        f"https://files.example:{server.port}/x",
    ):
        server.scripts.append(send_on_to(location))
        with pytest.raises(DownloadFailed, match="It was not asked"):
            download_model(PINNED, hub, patience=SOON)
    for location in ("http://files.example/x", "file:///etc/passwd", "//["):
        server.scripts.append(send_on_to(location))
        with pytest.raises(DownloadFailed, match="not https"):
            download_model(PINNED, hub, patience=SOON)
    assert {request.path for request in server.requests} == {PINNED.hub_path}


def test_an_endless_chain_of_redirects(server: ModelServer) -> None:
    server.scripts.extend([send_on_to("/on")] * 6)
    assert "on and on" in failed(server).message


def test_the_hub_of_the_environment() -> None:
    assert str(hub_from_environment({}).endpoint) == "https://huggingface.co"
    mirror = hub_from_environment({"HF_ENDPOINT": "https://mirror.example/hf/", "HF_TOKEN": f" {TOKEN}\n"})
    assert str(mirror.url_of(PINNED)) == f"https://mirror.example/hf{PINNED.hub_path}"
    assert mirror.token == Secret(TOKEN)
    assert hub_from_environment({"HF_ENDPOINT": "http://10.0.0.5:8080"}).is_private
    for endpoint in ("http://mirror.example", "ftp://x", "https://user:secret@x", "nonsense", "https://[x"):
        with pytest.raises(BadInput) as caught:
            hub_from_environment({"HF_ENDPOINT": endpoint})
        assert "secret" not in caught.value.message
    with pytest.raises(BadInput) as caught:
        hub_from_environment({"HF_TOKEN": f"{TOKEN}\nx-evil: 1"})
    assert TOKEN not in caught.value.message
