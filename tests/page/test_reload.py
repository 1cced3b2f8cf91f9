"""Each page, opened by its address and loaded again: the browser has nothing to report."""

from __future__ import annotations

import pytest

from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import StartApp, Visit
from tests.page.upstream import Upstream

PAGES = [
    "/",
    "/compare",
    "/experiment",
    "/history",
    "/model",
    "/?present=1",
    "/compare?present=1",
    "/?embed=true",
]
SHOWN = "[data-testid=stMainBlockContainer]"


def load_twice(tab: BrowserTab) -> None:
    tab.wait_until_idle()
    tab.page.reload()
    tab.page.locator(SHOWN).first.wait_for()
    tab.wait_until_idle()


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_loaded_again_without_an_error(
    visit: Visit, app: AppProcess, upstream: Upstream, address: str
) -> None:
    # The fixture demands a clean console.
    load_twice(visit(app.url, address, shows=SHOWN))


def test_a_page_below_a_path_is_loaded_again_without_an_error(visit: Visit, own: StartApp) -> None:
    app = own(base_path="/tools/paddock")
    tab = visit(f"http://127.0.0.1:{app.port}", "/tools/paddock/history", shows=".st-key-carry")
    load_twice(tab)
    tab.go_to_page("Chat")
    tab.chat_box.wait_for()
    assert tab.page.url.startswith(f"http://127.0.0.1:{app.port}/tools/paddock/")
