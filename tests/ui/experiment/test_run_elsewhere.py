"""A run on which another server works is shown as such, and refused where it would go on."""

from __future__ import annotations

from contextlib import closing

import pytest

from lib.store.run_store import run_lease
from lib.store.store import Store
from lib.ui.shell import registry as registry_module
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import Upstream
from tests.runner.run_fixtures import new_run, numbers_plan
from tests.ui.app_test_page import AppTestPage


def test_a_run_of_another_server(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "ELSEWHERE_SECONDS", 0.0)
    with closing(Store(f"sqlite:///{registry().store.database.name}")) as other:
        run = new_run(other, numbers_plan(2), owner=LOCAL_OWNER)
        other.leases.take(run_lease(run.id))
        page = AppTestPage(f"/?e={run.experiment}", path="pages/experiment.py")
        assert "Another Paddock server is working on this run" in page.text()
        page.click("run-resume")
        assert any("Wait for its end, or end it there" in error for error in page.errors())
        assert upstream.requests == []
        other.leases.release(run_lease(run.id))
        page.run()
        assert "Another Paddock server" not in page.text()
        assert page.errors() == []
    assert registry().find_experiment_run(LOCAL_OWNER, run.id) is not None
