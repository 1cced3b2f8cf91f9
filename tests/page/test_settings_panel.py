"""The two views of the settings in a browser: the seed is in sight, and the browser remembers what was chosen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lib.ui.shell.preferences import COOKIE_NAME
from tests.page.browser_tab import BrowserTab


@pytest.fixture
def forgetful(tab: BrowserTab) -> Iterator[BrowserTab]:
    """Return a tab whose preferences are forgotten after the test: other tests have the same browser."""
    yield tab
    tab.page.context.clear_cookies(name=COOKIE_NAME)


def is_in_sight(tab: BrowserTab, name: str) -> bool:
    box = tab.parameter_switch(name).first.bounding_box()
    size = tab.page.viewport_size
    return box is not None and size is not None and box["y"] + box["height"] <= size["height"]


def test_the_view_and_the_folded_sections_are_remembered(forgetful: BrowserTab) -> None:
    tab = forgetful
    tab.page.set_viewport_size({"width": 1440, "height": 900})
    tab.wait_until("the seed in sight", lambda: is_in_sight(tab, "seed"))
    tab.by_key("fold-tools").locator("summary").click()
    tab.wait_until_idle()
    tab.by_key("choose-settings").get_by_text("Simple").click()
    tab.wait_until("few settings", lambda: tab.parameter_switch("top_p").count() == 0)
    tab.wait_until("the seed in sight", lambda: is_in_sight(tab, "seed"))
    tab.wait_until_idle()

    tab.reload()
    tab.parameter_switch("seed").wait_for()
    assert tab.parameter_switch("top_p").count() == 0
    tab.by_key("choose-settings").get_by_text("All settings").click()
    tab.parameter_switch("top_p").wait_for()
    assert tab.by_key("fold-tools").locator("details").get_attribute("open") is None
    assert tab.by_key("fold-answer").locator("details").get_attribute("open") is not None
