"""The download in the page's process: it is paused, goes on, outlives its process, and is kept or removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.local_models import model_source
from lib.local_models.download_task import DownloadStatus, DownloadTask
from lib.local_models.listed_models import list_models
from lib.local_models.model_folder import downloaded_bytes, find_installed, part_of, remove_model
from lib.local_models.model_source import CATALOGUE, SHIPPED_ID, RemoteModel, parse_source
from tests.local_models.model_server import ModelServer, corrupt_at, hold_at, refuse
from tests.local_models.test_model_download import CONTENT, PINNED, SIZE
from tests.waiting import wait_until

HALF = SIZE // 2


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.setattr(model_source, "CATALOGUE", (PINNED,))
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with ModelServer(CONTENT) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def status_of(task: DownloadTask) -> DownloadStatus:
    assert task.status is not None
    return task.status


def test_it_is_paused_goes_on_and_outlives_its_process(server: ModelServer) -> None:
    ended: list[RemoteModel] = []
    server.scripts.extend([hold_at(HALF), hold_at(HALF + 1000), hold_at(HALF + 2000)])
    task = DownloadTask(ended.append)
    task.begin(PINNED)
    wait_until(lambda: status_of(task).done == HALF)
    assert status_of(task).describe().startswith("Downloading Small: 1 of 2 MB")
    task.pause()
    assert not status_of(task).is_running
    assert "is paused: 1 of 2 MB" in status_of(task).describe()
    task.resume()
    wait_until(lambda: status_of(task).done == HALF + 1000)
    task.close()
    # Another process goes on with it, and one that was paused waits.
    task = DownloadTask(ended.append)
    task.restore()
    wait_until(lambda: status_of(task).done == HALF + 2000)
    task.pause()
    task.close()
    task = DownloadTask(ended.append)
    task.restore()
    assert status_of(task) == DownloadStatus(PINNED, HALF + 2000, SIZE)
    task.resume()
    wait_until(lambda: bool(ended))
    assert ended == [PINNED]
    assert task.status is None
    assert find_installed(PINNED) is not None
    assert server.sent == SIZE
    task = DownloadTask(ended.append)
    task.restore()
    assert task.status is None


def test_a_failure_is_told_and_what_came_is_kept_or_removed(server: ModelServer) -> None:
    ended: list[RemoteModel] = []
    task = DownloadTask(ended.append)

    def fail(*scripts: object) -> str:
        server.scripts.extend(scripts)  # type: ignore[arg-type]
        task.begin(PINNED)
        wait_until(lambda: not status_of(task).is_running)
        problem = status_of(task).problem
        assert problem is not None
        assert problem.advice
        assert status_of(task).describe() == "The download of Small has failed."
        return problem.message

    assert "HTTP 403" in fail(refuse(403))
    assert "HTTP 407" in fail(refuse(407))
    assert "checksum" in fail(corrupt_at(HALF))
    assert status_of(task).done == 0
    server.scripts.append(hold_at(HALF))
    task.resume()
    wait_until(lambda: status_of(task).done == HALF)
    task.cancel(keeps=True)
    assert task.status is None
    assert downloaded_bytes(PINNED) == HALF
    task.cancel(keeps=False)
    server.scripts.append(hold_at(HALF + 1000))
    task.begin(PINNED)
    wait_until(lambda: status_of(task).done == HALF + 1000)
    task.cancel(keeps=False)
    assert downloaded_bytes(PINNED) == 0
    assert ended == []


def test_begun_downloads_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path))
    (llama,) = CATALOGUE
    address = "https://files.example/Own.gguf"
    own = parse_source(address)
    assert isinstance(own, RemoteModel)
    for model, url in ((llama, f"https://hub.example{llama.hub_path}"), (own, address)):
        part = part_of(model)
        part.parent.mkdir(parents=True)
        origin = {"url": url, "validator": "", "size": 9, "sha256": ""}
        part.with_name(f"{part.name}.json").write_text(json.dumps(origin))
    part_of(own).write_bytes(b"GGUF")
    listed = list_models()
    assert [model.key for model in listed] == [SHIPPED_ID, llama.id, address]
    assert (listed[2].downloaded, listed[2].size, listed[2].id) == (4, 9, own.id)
    assert remove_model(own.id)
    assert len(list_models()) == 2
