"""The models in the dialog “Where answers come from”: the local owner's alone."""

from __future__ import annotations

import pytest

from lib.errors import BadInput
from lib.local_models.model_folder import InstalledModel
from lib.local_models.model_source import SHIPPED_ID
from lib.supervisor import Supervisor
from lib.ui.shell import visitor_cookie
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.ui.app_test_page import AppTestPage

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
    assert "no longer on this computer" in " ".join(page.errors())
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
