"""What the tests of the pages without a browser share: an upstream, and a registry with an empty database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from lib.supervisor import Failed, Supervisor
from lib.ui.shell import visitor_cookie
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from lib.ui.widgets import chat_input_draft
from tests.page.upstream import Upstream
from tests.ui.app_test_page import DRAFT


@pytest.fixture(scope="session")
def _data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all of them: the registry lives as long as the process."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def _no_twin(monkeypatch: pytest.MonkeyPatch, _data: Path) -> None:
    """No process is started for these tests, and the user's data are not touched."""
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(_data))
    monkeypatch.setenv("PADDOCK_DATABASE_URL", f"sqlite:///{_data}/paddock.sqlite3")
    monkeypatch.setattr(chat_input_draft, "_reported_text", lambda: st.session_state.get(DRAFT, ""))
    # Without a server there is no front door.
    monkeypatch.setattr(visitor_cookie, "_request_owner", lambda: LOCAL_OWNER)
    monkeypatch.setattr(Supervisor, "start", lambda self: None)
    monkeypatch.setattr(Supervisor, "state", property(lambda self: Failed("Not in this test.", "Nothing.")))


@pytest.fixture(scope="session")
def _upstream() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture
def upstream(_upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """An upstream without requests and plans; the credentials in the environment are for it."""
    _upstream.reset()
    for name, value in _upstream.environment().items():
        monkeypatch.setenv(name, value)
    yield _upstream
    _upstream.reset()


@pytest.fixture
def no_presets() -> Iterator[None]:
    """No presets of the user's own, before and after."""

    def clear() -> None:
        store = registry().store
        for preset in store.presets.load_all(LOCAL_OWNER):
            store.presets.remove(LOCAL_OWNER, preset.id)

    clear()
    yield
    clear()
