"""The other sizes of the catalogue's model: the hub's list is asked for, checked, and kept."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib.errors import DownloadFailed, PaddockError
from lib.local_models import listed_models, model_source
from lib.local_models.download_task import DownloadTask
from lib.local_models.hub import hub_from_environment
from lib.local_models.listed_models import list_models
from lib.local_models.model_download import download_model
from lib.local_models.model_sizes import MAX_LIST_BYTES, fetch_sizes, find_source, parse_sizes, saved_sizes
from lib.local_models.model_source import RemoteModel
from tests.local_models.model_server import ModelServer, hold_at, refuse, send_file
from tests.waiting import wait_until

REVISION = "067b946cf014b7c697f3654f621d577a3e3afd1c"
TREE = f"/api/models/bartowski/Llama-3.2-1B-Instruct-GGUF/tree/{REVISION}"
TOKEN = "hf_marked-secret-token"
CONTENT = b"GGUF" + bytes(range(256)) * 4_000
(LLAMA,) = model_source.CATALOGUE
SMALL = replace(LLAMA, size=1_000, memory=1_500)
PINNED = {"type": "file", "path": SMALL.file, "lfs": {"oid": SMALL.sha256, "size": SMALL.size}}
SIZE = len(CONTENT)
LARGE_FILE = "Llama-3.2-1B-Instruct-Q8_0.gguf"


def entry(path: str = LARGE_FILE, size: Any = SIZE, oid: Any = None) -> dict[str, Any]:
    oid = hashlib.sha256(CONTENT).hexdigest() if oid is None else oid
    return {"type": "file", "oid": "a" * 40, "size": size, "path": path, "lfs": {"oid": oid, "size": size}}


OTHERS: list[dict[str, Any]] = [
    {"type": "file", "oid": "b" * 40, "size": 9, "path": "README.md"},
    {"type": "directory", "oid": "c" * 40, "size": 0, "path": "folder.gguf"},
    entry("Llama-3.2-1B-Instruct-f16.gguf", 2 * 10**6),
    entry(),
    entry("Llama-3.2-1B-Instruct-IQ3_M.gguf", 900),
    PINNED,
]


def tree(*entries: Any) -> bytes:
    return json.dumps(entries or OTHERS).encode()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    for module in (model_source, listed_models):
        monkeypatch.setattr(module, "CATALOGUE", (SMALL,))
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path / "data"))
    with ModelServer(CONTENT) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/mirror")
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


def fetch() -> tuple[RemoteModel, ...]:
    return fetch_sizes(SMALL, hub_from_environment())


def test_larger_files_are_listed_by_size(server: ModelServer) -> None:
    server.scripts.append(refuse(200, tree()))
    large, largest = fetch()
    [request] = server.requests
    assert request.path == f"/mirror{TREE}"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert (large.id, large.name) == ("llama-3.2-1b-q8_0", "Llama 3.2 1B Instruct Q8_0")
    assert large.hub_path == f"/bartowski/Llama-3.2-1B-Instruct-GGUF/resolve/{REVISION}/{LARGE_FILE}"
    assert (large.size, large.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert large.memory == large.size + 500
    assert large.licence is LLAMA.licence
    assert (largest.id, largest.size) == ("llama-3.2-1b-f16", 2 * 10**6)
    # The list is kept: the models have their ids after a restart too.
    assert saved_sizes() == (large, largest)
    assert find_source("llama-3.2-1b-q8_0") == large
    assert find_source("llama-3.2-1b") is SMALL


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"{}",
        b"[" * 100_000,
        tree(PINNED, "text"),
        tree(PINNED, {"type": "file"}),
        tree(PINNED, entry("folder/model.gguf")),
        tree(PINNED, entry("..\\model.gguf")),
        tree(PINNED, entry("/etc/model.gguf")),
        tree(PINNED, entry("..gguf")),
        tree(PINNED, entry("mo del.gguf")),
        tree(PINNED, entry("a" * 200 + ".gguf")),
        tree(PINNED, entry(size=0)),
        tree(PINNED, entry(size=-5)),
        tree(PINNED, entry(size=True)),
        tree(PINNED, entry(size=1.5)),
        tree(PINNED, entry(size="9")),
        tree(PINNED, entry(size=10**14)),
        tree(PINNED, entry(oid="")),
        tree(PINNED, entry(oid="0" * 63)),
        tree(PINNED, entry(oid="0" * 65)),
        tree(PINNED, entry(oid="g" * 64)),
        tree(PINNED, {**entry(), "lfs": None}),
        tree(PINNED, {**entry(), "lfs": "x"}),
        # The file that Paddock knows is missing, or another one.
        tree(entry()),
        tree(entry(), {**PINNED, "lfs": {"oid": "0" * 64, "size": SMALL.size}}),
        tree(entry(), {**PINNED, "lfs": {"oid": SMALL.sha256, "size": 7}}),
    ],
)
def test_a_list_that_is_not_well_formed_is_refused(body: bytes) -> None:
    with pytest.raises(DownloadFailed, match="host sent a list of files that cannot be used"):
        parse_sizes(body, SMALL, "host")


@pytest.mark.parametrize("status", [301, 401, 404, 500])
def test_a_hub_that_refuses(server: ModelServer, status: int) -> None:
    server.scripts.append(refuse(status, location="https://elsewhere.example/"))
    with pytest.raises(DownloadFailed, match=f"HTTP {status}") as caught:
        fetch()
    assert TOKEN not in f"{caught.value.message} {caught.value.advice}"
    assert saved_sizes() == ()


def test_an_endless_list(server: ModelServer) -> None:
    server.scripts.append(refuse(200, b" " * (MAX_LIST_BYTES + 1)))
    with pytest.raises(DownloadFailed, match="too long"):
        fetch()


def test_without_network(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PaddockError):
        fetch()


def test_a_size_is_downloaded_checked_and_listed(server: ModelServer) -> None:
    server.scripts.extend([refuse(200, tree()), send_file])
    large = fetch()[0]
    path = download_model(large, hub_from_environment())
    assert server.requests[-1].path == f"/mirror{large.hub_path}"
    assert path.read_bytes() == CONTENT
    listed = {model.key: model for model in list_models()}
    assert list(listed) == ["smollm2-135m", "llama-3.2-1b", "llama-3.2-1b-q8_0"]
    assert listed["llama-3.2-1b-q8_0"].is_here
    assert not listed["llama-3.2-1b"].is_here


def test_a_size_with_another_checksum_is_removed(server: ModelServer) -> None:
    server.scripts.append(refuse(200, tree(PINNED, entry(oid="0" * 64))))
    [large] = fetch()
    with pytest.raises(DownloadFailed, match="checksum differs"):
        download_model(large, hub_from_environment())
    assert not listed_models.describe_model(large.id).is_here


def test_a_download_of_a_size_goes_on_after_a_restart(server: ModelServer) -> None:
    server.scripts.extend([refuse(200, tree()), hold_at(len(CONTENT) // 2)])
    large, ended = fetch()[0], threading.Event()
    first = DownloadTask(lambda model: None)
    first.begin(large)
    wait_until(lambda: first.status is not None and first.status.done == len(CONTENT) // 2)
    first.close()
    second = DownloadTask(lambda model: ended.set() if model == large else None)
    second.restore()
    assert ended.wait(60)
    assert server.sent == len(CONTENT)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"llama-3.2-1b": 7}', '{"llama-3.2-1b": [{"path": "../x.gguf"}]}']
)
def test_a_kept_list_that_was_changed_counts_for_nothing(
    server: ModelServer, text: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "models"
    folder.mkdir(parents=True)
    folder.joinpath("sizes.json").write_text(text)
    assert saved_sizes() == ()
    assert [model.key for model in list_models()] == ["smollm2-135m", "llama-3.2-1b"]
