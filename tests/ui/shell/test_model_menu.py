"""The models in the dialog “Where answers come from”: the local owner's alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.types import Message, Receive, Scope, Send

from lib.errors import BadInput
from lib.local_models import listed_models, model_source, requirements
from lib.local_models.licences import LLAMA_3_2
from lib.local_models.model_folder import InstalledModel
from lib.local_models.model_source import SHIPPED_ID
from lib.local_models.supervised_twin import Failed, Loading
from lib.local_models.supervisor import Supervisor
from lib.ui.shell import server_state, visitor_cookie
from lib.ui.shell.model_control import ModelControl
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER, OWNER_HEADER
from tests.local_models.model_server import ModelServer, hold_at, refuse
from tests.local_models.test_model_download import CONTENT, PINNED, SIZE
from tests.ui.app_test_page import AppTestPage
from tests.waiting import wait_until

VISITOR = "visitor:somebody"
OTHER = InstalledModel("address-0123", "Other", "other.gguf", 4, "")


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the models that the supervisor is told to use. No process is started."""
    models: list[str] = []
    monkeypatch.setattr(Supervisor, "switch_to", lambda self, model: models.append(model))
    return models


def install(model: InstalledModel) -> str:
    model.path.parent.mkdir(parents=True)
    model.path.write_bytes(b"GGUF")
    model.save()
    return str(model.path)


def act(page: AppTestPage, key: str) -> AppTestPage:
    """Click a button of the dialog. AppTest draws the whole page anew, so the dialog is opened again."""
    page.by_key(key).click()
    page.by_key("place").click()
    return page.run()


def test_the_owner_chooses_a_model_of_this_computer(used: list[str]) -> None:
    path = install(OTHER)
    page = AppTestPage().click("place")
    texts = " ".join(page.texts())
    assert "SmolLM2-135M" in texts
    assert "answers now" in texts
    act(page, "model-use-2")
    assert used == [path]
    page.click("place")
    OTHER.path.unlink()
    act(page, "model-use-2")
    assert "not on this computer" in " ".join(page.errors())
    assert used == [path]


def test_a_visitor_changes_nothing(used: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = install(OTHER)
    page = AppTestPage().click("place")
    # The page was drawn for the local owner; the click comes from a visitor.
    monkeypatch.setattr(visitor_cookie, "_request_owner", lambda: VISITOR)
    act(page, "model-use-2")
    visitor = AppTestPage().click("place")
    assert not visitor.by_keys("^model-use-")
    assert "Models on this computer" not in " ".join(visitor.texts())
    for model in (SHIPPED_ID, path):
        with pytest.raises(BadInput, match="Only somebody at the computer"):
            registry().models.use(VISITOR, model)
    assert used == []
    registry().models.use(LOCAL_OWNER, path)
    assert used == [path]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """Serve a small file under the name of the catalogue's model."""
    (llama,) = model_source.CATALOGUE
    for module in (model_source, listed_models):
        monkeypatch.setattr(module, "CATALOGUE", (replace(llama, size=SIZE, sha256=PINNED.sha256, memory=1),))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with ModelServer(CONTENT) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def test_the_owner_accepts_downloads_pauses_and_uses(used: list[str], server: ModelServer) -> None:
    server.scripts.append(hold_at(SIZE // 2))
    page = AppTestPage().click("place")
    assert "2 MB from 127.0.0.1. Needs" in page.text()
    act(page, "model-download-1")
    assert "LLAMA 3.2 COMMUNITY LICENSE AGREEMENT" in page.text()
    act(page, "model-refuse")
    assert "LLAMA 3.2 COMMUNITY LICENSE AGREEMENT" not in page.text()
    assert server.requests == []
    act(page, "model-download-1")
    act(page, "model-accept")
    models = registry().models
    wait_until(
        lambda: (status := models.download_status(LOCAL_OWNER)) is not None and status.done == SIZE // 2
    )
    assert models.describe(LOCAL_OWNER).startswith("Downloading Llama 3.2 1B Instruct")
    assert (models.describe(VISITOR), models.download_status(VISITOR)) == ("", None)
    page.click("place")
    act(page, "model-pause")
    assert "is paused" in models.describe(LOCAL_OWNER)
    act(page, "model-resume")
    wait_until(lambda: used == ["llama-3.2-1b"])
    page.click("place")
    assert page.has_key("model-use-1")
    assert server.sent == SIZE


def test_a_visitor_cannot_reach_a_download(used: list[str], server: ModelServer) -> None:
    models = registry().models
    for act in (
        lambda: models.download(VISITOR, "llama-3.2-1b", accepts_licence=True),
        lambda: models.pause(VISITOR),
        lambda: models.resume(VISITOR),
        lambda: models.cancel(VISITOR, keeps=False),
    ):
        with pytest.raises(BadInput, match="Only somebody at the computer"):
            act()
    assert not LLAMA_3_2.is_accepted()
    with pytest.raises(BadInput, match="has to be accepted first"):
        models.download(LOCAL_OWNER, "llama-3.2-1b")
    assert (server.requests, used) == ([], [])


def test_each_page_is_told_what_concerns_its_owner(used: list[str], server: ModelServer) -> None:
    """The line at the top names a download to the local owner alone."""
    server.scripts.append(hold_at(SIZE // 2))
    models = registry().models
    models.download(LOCAL_OWNER, "llama-3.2-1b", accepts_licence=True)

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("it was passed on")

    def ask(*headers: tuple[bytes, bytes]) -> str:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": server_state.PATH, "headers": list(headers)}
        asyncio.run(server_state.StateEndpoint(fail)(scope, receive_nothing, send))
        return b"".join(message.get("body", b"") for message in sent).decode()

    async def receive_nothing() -> Message:
        return {"type": "http.request"}

    wait_until(
        lambda: (status := models.download_status(LOCAL_OWNER)) is not None and status.done == SIZE // 2
    )
    assert "Llama" in ask((OWNER_HEADER.encode(), LOCAL_OWNER.encode()))
    assert "Llama" not in ask((OWNER_HEADER.encode(), VISITOR.encode()))
    assert "Llama" not in ask()
    # A restart of the server goes on with it, for this owner alone.
    registry().models.close()
    models = ModelControl(registry().supervisor)
    wait_until(lambda: used == ["llama-3.2-1b"])
    assert models.download_status(LOCAL_OWNER) is None
    assert server.sent == SIZE


def test_a_model_that_could_not_start_is_reported_until_it_is_dismissed(
    used: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Supervisor, "state", Loading())
    registry().supervisor._problem = Failed("not a GGUF model file: x.gguf", "Use another model.")
    models = registry().models
    assert models.describe(LOCAL_OWNER).startswith("The other model could not start.")
    assert models.describe(VISITOR) == ""
    page = AppTestPage(path="pages/experiment.py").click("place")
    assert "Not a GGUF model file" in " ".join(page.errors())
    act(page, "model-dismiss")
    assert models.describe(LOCAL_OWNER) == ""
    with pytest.raises(BadInput, match="Only somebody"):
        models.dismiss_problem(VISITOR)


def test_the_owner_removes_what_does_not_answer(used: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = install(OTHER)
    page = AppTestPage().click("place")
    assert not page.has_key("model-delete-0"), "it comes with Paddock"
    models = registry().models
    for owner, model, words in (
        (VISITOR, path, "Only somebody"),
        (LOCAL_OWNER, SHIPPED_ID, "answers now"),
        (LOCAL_OWNER, "/etc/passwd", "does not remove it"),
    ):
        with pytest.raises(BadInput, match=words):
            models.remove(owner, model)
    with monkeypatch.context() as patch:
        patch.setattr(Supervisor, "model", path)
        page.run().click("place")
        assert not page.has_key("model-delete-2")
        with pytest.raises(BadInput, match="answers now"):
            models.remove(LOCAL_OWNER, path)
    act(page.run().click("place"), "model-delete-2")
    assert not OTHER.path.exists()
    assert not page.has_key("model-use-2")


def test_the_owner_names_a_file_or_an_address(used: list[str], tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    page = AppTestPage().click("place")

    def name(text: str) -> str:
        page.by_key("model-box").set_value(text)
        act(page, "model-add")
        return page.text()

    assert f"There is no file {file}" in name(str(file))
    assert "must look like https://host/path/model.gguf" in name("https://user:secret@host/x.gguf")
    assert "secret" not in page.everything()
    file.write_bytes(b"GGUF")
    assert "own.gguf" in name(str(file))
    act(page, "model-use-2")
    assert used == [str(file)]
    page.click("place")
    assert "From files.example, which says how large it is" in name("https://files.example/big.gguf?key=1")
    assert page.by_key("model-download-2").label == "Download"
    with pytest.raises(BadInput, match="Only somebody"):
        registry().models.check_named(VISITOR, str(file))


def test_a_model_without_memory_for_it_is_not_started(
    used: list[str], server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = install(OTHER)
    monkeypatch.setattr(requirements, "estimate_free_memory", lambda: 700_000_000)
    page = AppTestPage().click("place")
    words = "Other needs about 0.8 GB of memory, and 0.7 GB are free."
    assert words in page.text(), "before the click"
    act(page, "model-use-2")
    assert words in " ".join(page.errors())
    with pytest.raises(BadInput, match="Other needs"):
        registry().models.use(LOCAL_OWNER, path)
    assert used == []
    # The model that answers already needs no more.
    registry().models.use(LOCAL_OWNER, SHIPPED_ID)
    assert used == [SHIPPED_ID]
    # A model that was downloaded stays, and says why it does not answer.
    monkeypatch.setattr(requirements, "estimate_free_memory", lambda: 0)
    monkeypatch.setattr(Supervisor, "state", Loading())
    models = registry().models
    models.download(LOCAL_OWNER, "llama-3.2-1b", accepts_licence=True)
    wait_until(lambda: registry().supervisor.problem is not None)
    assert "could not start" in models.describe(LOCAL_OWNER)
    assert used == [SHIPPED_ID]
    assert server.sent == SIZE
    monkeypatch.setattr(requirements, "estimate_free_memory", lambda: None)
    registry().models.use(LOCAL_OWNER, path)
    assert used == [SHIPPED_ID, path]


def test_other_sizes_are_listed_when_they_are_asked_for(used: list[str], server: ModelServer) -> None:
    pinned = model_source.CATALOGUE[0]
    large = {
        "path": "Llama-3.2-1B-Instruct-Q8_0.gguf",
        "lfs": {"oid": PINNED.sha256, "size": SIZE + 1_000_000},
    }
    entries = [{"path": pinned.file, "lfs": {"oid": pinned.sha256, "size": SIZE}}, large]
    page = AppTestPage().click("place")
    assert server.requests == []
    server.scripts.append(refuse(200, b"[{}]"))
    act(page, "model-sizes")
    assert "sent a list of files that cannot be used" in " ".join(page.errors())
    assert page.has_key("model-download-1"), "the known size can be downloaded"
    act(page, "model-sizes")
    assert "sent a list of files" not in " ".join(page.errors())
    server.scripts.append(refuse(200, json.dumps(entries).encode()))
    act(page, "model-sizes")
    assert len(server.requests) == 2
    text = page.text()
    assert "Llama 3.2 1B Instruct Q8_0" in text
    assert "2 MB from 127.0.0.1. Needs" in text
    page.click("place")
    assert len(server.requests) == 2, "it is asked once"
    with pytest.raises(BadInput, match="Only somebody"):
        registry().models.fetch_sizes(VISITOR, "llama-3.2-1b")
    LLAMA_3_2.accept()
    page.click("place")
    # The server has a smaller file than it listed.
    act(page, "model-download-2")
    models = registry().models
    wait_until(
        lambda: (status := models.download_status(LOCAL_OWNER)) is not None and status.problem is not None
    )
    assert server.requests[-1].path.endswith("/Llama-3.2-1B-Instruct-Q8_0.gguf")
    assert used == []
