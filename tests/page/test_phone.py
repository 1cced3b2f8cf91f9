"""The page on a phone: nothing is wider than the screen, and important controls are within reach."""

from __future__ import annotations

import pytest

from tests.page.app_process import AppProcess
from tests.page.browser_tab import PHONE, TIMEOUT, BrowserTab
from tests.page.conftest import Visit
from tests.page.upstream import ACCOUNT, StreamReply, Upstream

TABLE = "| one | two | three | four | five | six |\n|---|---|---|---|---|---|\n" + (
    "| a long cell here | another long cell | and one more | 4 | 5 | 6 |\n" * 3
)
WIDE = (
    f"```python\nprint('{'very long ' * 40}')\n```\n\n{'averylongword' * 30}\n\n"
    "| one | two |\n|---|---|\n| a cell | another |\n\n" + "Some words to end with. " * 40
)


@pytest.fixture
def phone(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    return visit(app.url, phone=True)


def assert_fits_screen(tab: BrowserTab) -> None:
    """Assert that the page does not scroll sideways and shows the backend while the sidebar is closed."""
    width = tab.page.evaluate(
        "Math.max(...[...document.querySelectorAll('html, body, #root, .stApp, .stApp section, .stApp main')]"
        ".filter(part => !part.closest('[data-testid=stSidebar]')).map(part => part.scrollWidth))"
    )
    assert width <= PHONE["width"]
    place = tab.page.get_by_text(f"account …{ACCOUNT[-4:]}").locator("visible=true").first
    place.wait_for()
    assert tab.page.locator("[data-testid=stSidebar][data-collapsed=false]").count() == 0


def on_screen(tab: BrowserTab, selector: str) -> bool:
    """Return true if a finger can touch it: it is on the screen and nothing covers it."""
    return bool(
        tab.page.evaluate(
            """selector => [...document.querySelectorAll(selector)].some(part => {
                const box = part.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
                return box.width > 0 && x > 0 && x < innerWidth && y > 0 && y < innerHeight
                    && part.contains(document.elementFromPoint(x, y));
            })""",
            selector,
        )
    )


def test_empty_streaming_and_finished(phone: BrowserTab, upstream: Upstream) -> None:
    assert_fits_screen(phone)
    upstream.plan_replies(StreamReply(WIDE, held=len(WIDE) - 200, rate=2000))
    phone.send("Go")
    phone.wait_until("most of it", lambda: len(phone.answer_text()) > 1500)
    assert_fits_screen(phone)
    phone.wait_until("Stop can be touched", lambda: on_screen(phone, ".st-key-stop button"))
    assert on_screen(phone, "[data-testid=stChatInputTextArea]")
    upstream.requests[0].release()
    phone.wait_for_end()
    assert_fits_screen(phone)


def test_a_wide_table_scrolls_by_itself(phone: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(TABLE))
    phone.send("Go")
    phone.wait_for_end()
    assert_fits_screen(phone)


def test_stop_by_touch(phone: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(endless=True, rate=200))
    phone.send("Go")
    # The answer is longer than a screen.
    phone.wait_for_growth(1500)
    phone.wait_until("Stop can be touched", lambda: on_screen(phone, ".st-key-stop button"))
    phone.page.locator(".st-key-stop button:visible").first.tap()
    phone.wait_for_end("stopped")
    assert upstream.requests[0].client_gone.wait(TIMEOUT)
