"""The menu New and the list of saved experiments."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace

from lib.experiment.sample_experiments import load_samples
from lib.store.store import Store
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import Upstream
from tests.ui.app_test_page import MODEL, AppTestPage


def test_an_empty_one_or_a_sample_is_started_and_a_deleted_one_comes_back(upstream: Upstream) -> None:
    page = AppTestPage(path="pages/experiment.py")
    sample = load_samples(MODEL)[0]
    page.choose("experiment-new", sample.name)
    assert page.by_key("experiment-name").value == sample.name
    id = page.test.session_state["experiment"]
    page.choose("experiment-new", "Empty experiment")
    assert page.by_key("experiment-name").value == "Untitled experiment"
    page.choose(f"experiment-menu-{id}", "Delete")
    assert f"“{sample.name}” was deleted." in page.text()
    page.click("experiment-undo")
    assert page.by_key("experiment-name").value == sample.name


def test_a_plan_that_another_server_changed_is_kept(upstream: Upstream) -> None:
    page = AppTestPage(path="pages/experiment.py")
    page.choose("experiment-new", load_samples(MODEL)[0].name)
    id = page.test.session_state["experiment"]
    with closing(Store(os.environ["PADDOCK_DATABASE_URL"])) as other:
        saved = other.experiments.load(LOCAL_OWNER, id)
        assert saved is not None
        other.experiments.save(LOCAL_OWNER, replace(saved, name="Theirs"))
    page.choose("experiment-name", "Mine")
    assert "saved as “Theirs (changed elsewhere)”" in page.text()
    page.choose("experiment-name", "Mine again")
    assert "(changed elsewhere)”" not in page.text()
