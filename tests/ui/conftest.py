"""What the tests of the pages without a browser share: an upstream, and a registry with an empty database."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner

from lib.local_models.supervised_twin import Failed
from lib.local_models.supervisor import Supervisor
from lib.ui.shell import registry as registry_module
from lib.ui.shell import visitor_cookie
from lib.ui.shell.registry import Registry, registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from lib.ui.widgets import chat_input_draft
from tests.page.upstream import Upstream
from tests.ui.app_test_page import DRAFT

scan_once = functools.cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(autouse=True)
def _one_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the manifests of the installed packages once, not for each AppTest: a quarter of its processor time."""
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", scan_once)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Each test has a registry and a database of its own, so it sees nothing of another's."""
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PADDOCK_DATABASE_URL", f"sqlite:///{tmp_path}/paddock.sqlite3")
    made: list[Registry] = []

    def make(url: str) -> Registry:
        made.append(Registry(url))
        return made[-1]

    monkeypatch.setattr(registry_module, "Registry", make)
    # The modules of the tests live on: freezing them for each registry would only leak.
    monkeypatch.setattr(registry_module.gc, "freeze", lambda: None)
    monkeypatch.setattr(registry_module.gc, "collect", lambda: 0)
    yield
    for each in made:
        each.close()
    registry.clear()


@pytest.fixture(autouse=True)
def _no_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started for these tests."""
    monkeypatch.setattr(chat_input_draft, "_reported_text", lambda: st.session_state.get(DRAFT, ""))
    # Without a server there is no front door.
    monkeypatch.setattr(visitor_cookie, "_request_owner", lambda: LOCAL_OWNER)
    monkeypatch.setattr(Supervisor, "start", lambda self: None)
    monkeypatch.setattr(Supervisor, "state", property(lambda self: Failed("Not in this test.", "Nothing.")))


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    """An upstream of this test's own, which no late request of another test reaches. The credentials are for it."""
    upstream = Upstream()
    for name, value in upstream.environment().items():
        monkeypatch.setenv(name, value)
    yield upstream
    upstream.close()
