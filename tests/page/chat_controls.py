"""The chat page's own controls as a visitor works with them: what is chosen, what is about to be sent, what was."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from playwright.sync_api import Locator

from lib.files import share_link
from lib.model import model_record
from lib.model.request_options import Features
from lib.model.settings import Settings
from tests.page.upstream import Asked, Upstream
from tests.page.visitor import Visitor, squeezed

MODEL = model_record.default()


def choose(tab: Visitor, key: str, option: str) -> None:
    """Choose in a row of options."""
    tab.key(key).get_by_role("radio", name=option, exact=True).click()
    tab.rest()


def chosen(tab: Visitor, key: str) -> str:
    """What is chosen there."""
    return tab.key(key).get_by_role("radio", checked=True).inner_text().strip()


def form(tab: Visitor, name: str) -> None:
    """Messages or Prompt."""
    choose(tab, "choose-form", name)


def answer_as(tab: Visitor, name: str) -> None:
    """Text, JSON or JSON schema."""
    choose(tab, "choose-format", name)


def switch(tab: Visitor, name: str) -> Locator:
    """The checkbox of Stream or Raw."""
    return tab.key(f"choose-{name}").locator("input")


def flip(tab: Visitor, name: str) -> None:
    """Turn Stream or Raw the other way."""
    before = switch(tab, name).is_checked()
    tab.key(f"choose-{name}").locator("label").first.click()
    tab.until(f"{name} turns", lambda: switch(tab, name).is_checked() != before)
    tab.rest()


def line(tab: Visitor) -> str:
    """What the page says of the next send."""
    return squeezed(tab.key("ahead").locator("summary").inner_text())


def open_panel(tab: Visitor, part: str = "Request") -> Locator:
    """What is about to be sent, opened at that part."""
    panel = tab.key("ahead")
    if panel.locator("details").get_attribute("open") is None:
        panel.locator("summary").click()
    tab.key("ahead-part").wait_for()
    choose(tab, "ahead-part", part)
    return panel


def ahead(tab: Visitor) -> dict[str, Any] | None:
    """The request in the panel, None while none is whole."""
    code = tab.key("ahead").locator("[data-testid=stCode] code")
    try:
        value = json.loads(code.first.inner_text()) if code.count() else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def foretells(tab: Visitor, **parts: Any) -> dict[str, Any]:
    """Wait until the request in the panel has those properties; all of it."""

    def found() -> dict[str, Any] | None:
        shown = ahead(tab)
        return shown if shown is not None and parts.items() <= {**shown}.items() else None

    return tab.until(f"{json.dumps(parts)} in {ahead(tab)}", found)


def asked(tab: Visitor, upstream: Upstream, text: str = "Go") -> Asked:
    """Say it; the request as it came, once the answer has ended."""
    number = len(upstream.asked)
    tab.say(text)
    return came(tab, upstream, number)


def came(tab: Visitor, upstream: Upstream, number: int = -1) -> Asked:
    """The request of that number, once its answer has ended."""
    tab.until("a request", lambda: len(upstream.asked) > number)
    tab.until("its end", lambda: not upstream.asked[number].live)
    tab.until("its figures", lambda: tab.figures())
    tab.until("no Stop", lambda: tab.page.get_by_role("button", name="Stop").count() == 0)
    tab.rest()
    return upstream.asked[number]


def write_prompt(tab: Visitor, text: str) -> None:
    """Put that into the raw prompt's box, and leave it."""
    box = prompt_box(tab)
    box.fill(text)
    box.press("Tab")
    tab.rest()


def prompt_box(tab: Visitor) -> Locator:
    """Where the raw prompt is."""
    return tab.key("raw-prompt").locator("textarea")


def behind(tab: Visitor, view: str, which: int = -1) -> Locator:
    """Request and reply of an answer, at that view."""
    answer = tab.answers.nth(which if which >= 0 else tab.answers.count() + which)
    box = answer.locator("[class*='st-key-exchange-']").first
    if box.count() == 0:
        tab.menu(answer, "Request and reply")
        box.wait_for()
    tab.rest()
    views = box.locator("[class*='st-key-exchange-view-']")
    views.get_by_role("radio", name=view, exact=True).click()
    tab.rest()
    return box


def codes(box: Locator) -> list[str]:
    """The texts in it that can be copied."""
    return box.locator("[data-testid=stCode] code").all_inner_texts()


def set_up(text: str = "", system: str = "", **features: Any) -> str:
    """An address that opens a new conversation with these features, that system prompt and that text in its box."""
    settings = replace(Settings.defaults(MODEL), features=Features(**features))
    return f"/?{share_link.PARAMETER}={share_link.encode(share_link.Setup(system, settings, text))}"


def open_panel_of_nothing(tab: Visitor) -> None:
    """The same while there is nothing to send, and so no parts to choose from."""
    tab.key("ahead").locator("summary").click()
    tab.until("it opens", lambda: tab.key("ahead").locator("details").get_attribute("open") is not None)
    tab.rest()
