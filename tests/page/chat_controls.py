"""The controls of the chat page in a browser: options, the next send, and requests that were sent."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator

from tests.page.browser_tab import BrowserTab, squeeze
from tests.page.upstream import Upstream, UpstreamRequest


def choose(tab: BrowserTab, key: str, option: str) -> None:
    """Choose an option of a row."""
    tab.by_key(key).get_by_role("radio", name=option, exact=True).click()
    tab.wait_until_idle()


def get_choice(tab: BrowserTab, key: str) -> str:
    """Return the chosen option of a row."""
    return tab.by_key(key).get_by_role("radio", checked=True).inner_text().strip()


def choose_form(tab: BrowserTab, name: str) -> None:
    """Choose the input form: Messages or Prompt."""
    choose(tab, "choose-form", name)


def choose_format(tab: BrowserTab, name: str) -> None:
    """Choose the format of the answer: Text, JSON or JSON schema."""
    choose(tab, "choose-format", name)


def option_switch(tab: BrowserTab, name: str) -> Locator:
    """Return the checkbox of Stream or Raw."""
    return tab.by_key(f"choose-{name}").locator("input")


def toggle_option(tab: BrowserTab, name: str) -> None:
    """Toggle Stream or Raw."""
    before = option_switch(tab, name).is_checked()
    tab.by_key(f"choose-{name}").locator("label").first.click()
    tab.wait_until(f"{name} turns", lambda: option_switch(tab, name).is_checked() != before)
    tab.wait_until_idle()


def next_send_summary(tab: BrowserTab) -> str:
    """Return the summary line of the next send."""
    return squeeze(tab.by_key("ahead").locator("summary").inner_text())


def open_next_send(tab: BrowserTab, part: str = "Request") -> Locator:
    """Open that part of the panel with the next send; return the panel."""
    panel = tab.by_key("ahead")
    if panel.locator("details").get_attribute("open") is None:
        panel.locator("summary").click()
    tab.by_key("ahead-part").wait_for()
    choose(tab, "ahead-part", part)
    return panel


def next_request(tab: BrowserTab) -> dict[str, Any] | None:
    """Return the request in the panel, or None if there is none."""
    code = tab.by_key("ahead").locator(".model-text code")
    try:
        value = json.loads(code.first.inner_text()) if code.count() else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def wait_for_next_request(tab: BrowserTab, **parts: Any) -> dict[str, Any]:
    """Wait until the request in the panel has those properties; return the whole request."""

    def matching_request() -> dict[str, Any] | None:
        shown = next_request(tab)
        return shown if shown is not None and parts.items() <= {**shown}.items() else None

    return tab.wait_until(f"{json.dumps(parts)} in {next_request(tab)}", matching_request)


def send_message(tab: BrowserTab, upstream: Upstream, text: str = "Go") -> UpstreamRequest:
    """Send a message; return the request that arrives, once the answer has ended."""
    number = len(upstream.requests)
    tab.send(text)
    return wait_for_reply(tab, upstream, number)


def wait_for_reply(tab: BrowserTab, upstream: Upstream, number: int = -1) -> UpstreamRequest:
    """Return the request of that number, once its answer has ended."""
    tab.wait_until("a request", lambda: len(upstream.requests) > number)
    tab.wait_until("its end", lambda: not upstream.requests[number].is_live)
    tab.wait_until("its figures", lambda: tab.figures())
    tab.wait_until("no Stop", lambda: tab.page.get_by_role("button", name="Stop").count() == 0)
    tab.wait_until_idle()
    return upstream.requests[number]


def write_prompt(tab: BrowserTab, text: str) -> None:
    """Write that text into the box of the raw prompt, and leave the box."""
    box = prompt_box(tab)
    box.fill(text)
    box.press("Tab")
    tab.wait_until_idle()


def prompt_box(tab: BrowserTab) -> Locator:
    """Return the box with the raw prompt."""
    return tab.by_key("raw-prompt").locator("textarea")


def open_request_and_reply(tab: BrowserTab, view: str, which: int = -1) -> Locator:
    """Open that view of an answer's request and reply; return their box."""
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
    """Return the texts in that box that can be copied."""
    return box.locator("[data-testid=stCode] code").all_inner_texts()


def open_empty_next_send(tab: BrowserTab) -> None:
    """Open the panel of the next send, which has no parts while there is nothing to send."""
    tab.by_key("ahead").locator("summary").click()
    tab.wait_until(
        "it opens", lambda: tab.by_key("ahead").locator("details").get_attribute("open") is not None
    )
    tab.wait_until_idle()
