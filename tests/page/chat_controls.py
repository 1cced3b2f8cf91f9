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
from tests.page.browser_tab import BrowserTab, squeeze
from tests.page.upstream import Upstream, UpstreamRequest

MODEL = model_record.default_model()


def choose(tab: BrowserTab, key: str, option: str) -> None:
    """Choose in a row of options."""
    tab.by_key(key).get_by_role("radio", name=option, exact=True).click()
    tab.wait_until_idle()


def get_choice(tab: BrowserTab, key: str) -> str:
    """What is chosen there."""
    return tab.by_key(key).get_by_role("radio", checked=True).inner_text().strip()


def choose_form(tab: BrowserTab, name: str) -> None:
    """Messages or Prompt."""
    choose(tab, "choose-form", name)


def choose_format(tab: BrowserTab, name: str) -> None:
    """Text, JSON or JSON schema."""
    choose(tab, "choose-format", name)


def option_switch(tab: BrowserTab, name: str) -> Locator:
    """The checkbox of Stream or Raw."""
    return tab.by_key(f"choose-{name}").locator("input")


def toggle_option(tab: BrowserTab, name: str) -> None:
    """Turn Stream or Raw the other way."""
    before = option_switch(tab, name).is_checked()
    tab.by_key(f"choose-{name}").locator("label").first.click()
    tab.wait_until(f"{name} turns", lambda: option_switch(tab, name).is_checked() != before)
    tab.wait_until_idle()


def next_send_summary(tab: BrowserTab) -> str:
    """What the page says of the next send."""
    return squeeze(tab.by_key("ahead").locator("summary").inner_text())


def open_next_send(tab: BrowserTab, part: str = "Request") -> Locator:
    """What is about to be sent, opened at that part."""
    panel = tab.by_key("ahead")
    if panel.locator("details").get_attribute("open") is None:
        panel.locator("summary").click()
    tab.by_key("ahead-part").wait_for()
    choose(tab, "ahead-part", part)
    return panel


def next_request(tab: BrowserTab) -> dict[str, Any] | None:
    """The request in the panel, None while none is whole."""
    code = tab.by_key("ahead").locator("[data-testid=stCode] code")
    try:
        value = json.loads(code.first.inner_text()) if code.count() else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def wait_for_next_request(tab: BrowserTab, **parts: Any) -> dict[str, Any]:
    """Wait until the request in the panel has those properties; all of it."""

    def found() -> dict[str, Any] | None:
        shown = next_request(tab)
        return shown if shown is not None and parts.items() <= {**shown}.items() else None

    return tab.wait_until(f"{json.dumps(parts)} in {next_request(tab)}", found)


def send_message(tab: BrowserTab, upstream: Upstream, text: str = "Go") -> UpstreamRequest:
    """Say it; the request as it came, once the answer has ended."""
    number = len(upstream.requests)
    tab.send(text)
    return wait_for_reply(tab, upstream, number)


def wait_for_reply(tab: BrowserTab, upstream: Upstream, number: int = -1) -> UpstreamRequest:
    """The request of that number, once its answer has ended."""
    tab.wait_until("a request", lambda: len(upstream.requests) > number)
    tab.wait_until("its end", lambda: not upstream.requests[number].is_live)
    tab.wait_until("its figures", lambda: tab.figures())
    tab.wait_until("no Stop", lambda: tab.page.get_by_role("button", name="Stop").count() == 0)
    tab.wait_until_idle()
    return upstream.requests[number]


def write_prompt(tab: BrowserTab, text: str) -> None:
    """Put that into the raw prompt's box, and leave it."""
    box = prompt_box(tab)
    box.fill(text)
    box.press("Tab")
    tab.wait_until_idle()


def prompt_box(tab: BrowserTab) -> Locator:
    """Where the raw prompt is."""
    return tab.by_key("raw-prompt").locator("textarea")


def open_request_and_reply(tab: BrowserTab, view: str, which: int = -1) -> Locator:
    """Request and reply of an answer, at that view."""
    answer = tab.answers.nth(which if which >= 0 else tab.answers.count() + which)
    box = answer.locator("[class*='st-key-exchange-']").first
    if box.count() == 0:
        tab.choose_in_menu(answer, "Request and reply")
        box.wait_for()
    tab.wait_until_idle()
    views = box.locator("[class*='st-key-exchange-view-']")
    views.get_by_role("radio", name=view, exact=True).click()
    tab.wait_until_idle()
    return box


def code_texts(box: Locator) -> list[str]:
    """The texts in it that can be copied."""
    return box.locator("[data-testid=stCode] code").all_inner_texts()


def share_address(text: str = "", system: str = "", **features: Any) -> str:
    """An address that opens a new conversation with these features, that system prompt and that text in its box."""
    settings = replace(Settings.defaults(MODEL), features=Features(**features))
    return f"/?{share_link.QUERY_PARAMETER}={share_link.encode_link(share_link.SharedSetup(system, settings, text))}"


def open_empty_next_send(tab: BrowserTab) -> None:
    """The same while there is nothing to send, and so no parts to choose from."""
    tab.by_key("ahead").locator("summary").click()
    tab.wait_until(
        "it opens", lambda: tab.by_key("ahead").locator("details").get_attribute("open") is not None
    )
    tab.wait_until_idle()
