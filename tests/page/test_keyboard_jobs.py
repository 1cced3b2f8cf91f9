"""Two everyday jobs by key presses alone; docs/features.md has the lists of keys."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab, squeeze
from tests.page.conftest import Visit
from tests.page.test_keyboard import IS_FOCUSED_JS, wait_for_focus
from tests.page.upstream import JsonReply, StreamReply, Upstream

BOX = "[data-testid=stChatInputTextArea]"
# More than the controls of the page.
MAX_TABS = 60
FEATURES = Path(__file__).resolve().parents[2] / "docs/features.md"


class Keyboard:
    """A keyboard that notes what is pressed and typed."""

    def __init__(self, tab: BrowserTab) -> None:
        self.tab = tab
        self.pressed: list[str] = []

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.page.keyboard.press(key)
            self.pressed.append(key)
            self.tab.wait_until_idle()

    def type(self, text: str) -> None:
        """Type a text in the place of what the box has."""
        self.tab.page.keyboard.press("Control+a")
        self.tab.page.keyboard.type(text)
        self.pressed += ["Control+a", text]

    def tab_to(self, selector: str) -> None:
        """Press Tab until an element of that selector has the focus."""
        for _ in range(MAX_TABS):
            self.tab.page.keyboard.press("Tab")
            self.pressed.append("Tab")
            if self.tab.page.evaluate(IS_FOCUSED_JS, selector):
                # The box that was left may have changed the page.
                self.tab.wait_until_idle()
                return
        raise AssertionError(f"no Tab leads to {selector}")

    def go_to(self, key: str, selector: str) -> None:
        self.press(key)
        wait_for_focus(self.tab, selector)

    @property
    def list(self) -> str:
        """The keys as the documentation lists them: Tab once for a walk of any length."""
        walks = [[key] if key == "Tab" else list(run) for key, run in groupby(self.pressed)]
        return " ".join(f"`{key}`" for walk in walks for key in walk)


@pytest.fixture
def keyboard(visit: Visit, app: AppProcess, upstream: Upstream) -> Keyboard:
    """Return the keyboard of a fresh Chat page with one answer."""
    upstream.plan_replies(StreamReply("It was a dark and stormy night."))
    tab = visit(app.url, stranger=True)
    tab.send("Tell me a story")
    tab.wait_for_end()
    tab.wait_until_idle()
    return Keyboard(tab)


def assert_documented(keyboard: Keyboard) -> None:
    print(*keyboard.pressed)
    assert keyboard.list in squeeze(FEATURES.read_text(encoding="utf-8"))


def test_temperature_0_and_a_seed(keyboard: Keyboard, upstream: Upstream) -> None:
    keyboard.go_to("Alt+s", "[data-testid=stSidebarUserContent] *")
    keyboard.tab_to("[class*='st-key-temperature-number'] input")
    keyboard.type("0")
    keyboard.tab_to("[class*='st-key-seed-send'] input")
    keyboard.press("Space")
    keyboard.go_to("Alt+m", BOX)
    keyboard.type("Go on")
    keyboard.press("Enter")
    keyboard.tab.wait_until("the request", lambda: len(upstream.requests) == 2)
    assert upstream.requests[1].body["temperature"] == 0
    assert "seed" in upstream.requests[1].body
    assert_documented(keyboard)


def test_three_fields_of_json(keyboard: Keyboard, upstream: Upstream) -> None:
    upstream.plan_replies(JsonReply({"response": {"title": "Alien", "year": "1979", "director": "Scott"}}))
    keyboard.go_to("Alt+s", "[data-testid=stSidebarUserContent] *")
    keyboard.tab_to("[class*='st-key-choose-format'] [role=radio]")
    keyboard.press("ArrowRight", "ArrowRight", "Space")
    keyboard.tab_to("[class*='st-key-choose-fields'] input")
    keyboard.type("title, year, director")
    keyboard.press("Enter")
    keyboard.go_to("Alt+m", BOX)
    keyboard.type("A film about a spaceship")
    keyboard.press("Enter")
    keyboard.tab.wait_until("the request", lambda: len(upstream.requests) == 2)
    schema = upstream.requests[1].body["response_format"]["json_schema"]
    assert list(schema["properties"]) == schema["required"] == ["title", "year", "director"]
    assert_documented(keyboard)
