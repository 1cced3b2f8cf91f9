"""The menu New and the list of saved experiments."""

from __future__ import annotations

from lib.experiment.sample_experiments import load_samples
from tests.page.upstream import Upstream
from tests.ui.app_test_page import MODEL, AppTestPage


def test_an_empty_one_or_a_sample_is_started_and_a_deleted_one_comes_back(upstream: Upstream) -> None:
    page = AppTestPage(path="pages/experiment.py")
    sample = load_samples(MODEL)[0]
    page.choose("experiment-new", sample.name)
    assert page.by_key("experiment-name").value == sample.name
    id = page.test.session_state["experiment"]
    page.choose("experiment-new", "An empty one")
    assert page.by_key("experiment-name").value == "Untitled experiment"
    page.choose(f"experiment-menu-{id}", "Delete")
    assert f"“{sample.name}” was deleted." in page.text()
    page.click("experiment-undo")
    assert page.by_key("experiment-name").value == sample.name
