"""On a phone: nothing is wider than the screen, and what matters is at hand."""

from __future__ import annotations

import pytest

from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.upstream import ACCOUNT, Stream, Upstream
from tests.page.visitor import PATIENCE, PHONE, Visitor

TABLE = "| one | two | three | four | five | six |\n|---|---|---|---|---|---|\n" + (
    "| a long cell here | another long cell | and one more | 4 | 5 | 6 |\n" * 3
)
WIDE = (
    f"```python\nprint('{'very long ' * 40}')\n```\n\n{'averylongword' * 30}\n\n"
    "| one | two |\n|---|---|\n| a cell | another |\n\n" + "Some words to end with. " * 40
)


@pytest.fixture
def phone(visit: Visit, app: Application, upstream: Upstream) -> Visitor:
    return visit(app.url, phone=True)


def fits(tab: Visitor) -> None:
    """The page does not scroll sideways, and says where it runs without the sidebar being opened."""
    width = tab.page.evaluate(
        "Math.max(...[...document.querySelectorAll('html, body, #root, .stApp, .stApp section, .stApp main')]"
        ".filter(part => !part.closest('[data-testid=stSidebar]')).map(part => part.scrollWidth))"
    )
    assert width <= PHONE["width"]
    place = tab.page.get_by_text(f"account …{ACCOUNT[-4:]}").locator("visible=true").first
    place.wait_for()
    assert tab.page.locator("[data-testid=stSidebar][aria-expanded=true]").count() == 0


def on_screen(tab: Visitor, selector: str) -> bool:
    """Whether it can be touched: it is within the screen and nothing covers it."""
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


def test_empty_streaming_and_finished(phone: Visitor, upstream: Upstream) -> None:
    fits(phone)
    upstream.plan(Stream(WIDE, held=len(WIDE) - 200, rate=2000))
    phone.say("Go")
    phone.until("most of it", lambda: len(phone.text()) > 1500)
    fits(phone)
    phone.until("Stop can be touched", lambda: on_screen(phone, ".st-key-stop button"))
    assert on_screen(phone, "[data-testid=stChatInputTextArea]")
    upstream.asked[0].release()
    phone.ended()
    fits(phone)


def test_a_wide_table_scrolls_by_itself(phone: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream(TABLE))
    phone.say("Go")
    phone.ended()
    fits(phone)


def test_stop_by_touch(phone: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream(endless=True))
    phone.say("Go")
    phone.grows(1500)  # more than a screen
    assert on_screen(phone, ".st-key-stop button")
    phone.page.locator(".st-key-stop button:visible").first.tap()
    phone.ended("stopped")
    assert upstream.asked[0].hung_up.wait(PATIENCE)
