"""Tool calls in a conversation: every shape on the wire, with results typed by hand or from the sample tools."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator

from lib.tools.sample_tools import SAMPLE_TOOLS
from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.upstream import EventsReply, StreamReply, Upstream
from tests.ui.app_test_page import share_address

TOOLS = tuple(sample.tool for sample in SAMPLE_TOOLS)
GIVEN = '{"expression": "6 * 7"}'


def call(id: str, name: str, arguments: str, index: int = 0) -> dict[str, Any]:
    """Return a call in the shape of clients' fixtures."""
    return {"id": id, "type": "function", "index": index, "function": {"name": name, "arguments": arguments}}


@pytest.fixture
def tab(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """Open a tab with the sample tools."""
    return visit(app.url, share_address("", tools=TOOLS))


def cards(tab: BrowserTab) -> Locator:
    """Return the cards of the last answer's calls."""
    return tab.answers.last.locator("[data-testid=stVerticalBlock][class*='st-key-calls-']")


def result(tab: BrowserTab, number: int = 0) -> Locator:
    """Return the box for a tool's result."""
    return tab.answers.last.locator("textarea[aria-label=Result]").nth(number)


def press(tab: BrowserTab, name: str, number: int = 0) -> None:
    """Click a button of the last answer."""
    tab.answers.last.get_by_role("button", name=name, exact=True).nth(number).click()
    tab.wait_until_idle()


def test_a_call_is_run_and_its_result_sent(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(
        EventsReply({"tool_calls": [call("call123", "calculator", GIVEN)]}), StreamReply("It is 42.")
    )
    chat_controls.send_message(tab, upstream, "What is 6 * 7?")
    card = cards(tab).first
    tab.wait_until("the card", lambda: "calculator" in card.inner_text() and "6 * 7" in card.inner_text())
    assert "Fits the tool" in card.inner_text()
    press(tab, "Run")
    tab.wait_until("the result", lambda: '"result": ' in result(tab).input_value())
    press(tab, "Send result")
    tab.wait_until("the second", lambda: len(upstream.requests) == 2)
    chat_controls.wait_for_reply(tab, upstream, 1)
    tab.wait_for_answer("It is 42.")
    assert json.loads(upstream.requests[1].body["messages"][2]["content"]) == {
        "expression": "6 * 7",
        "result": 42,
    }


def by_itself(tab: BrowserTab) -> None:
    """Let the sample tools answer."""
    tab.wait_until_idle()
    tab.by_key("choose-auto").locator("label").first.click()
    tab.wait_until_idle()


def test_sample_tools_by_themselves_over_two_rounds(tab: BrowserTab, upstream: Upstream) -> None:
    by_itself(tab)
    upstream.plan_replies(
        EventsReply({"tool_calls": [call("a", "calculator", GIVEN)]}),
        EventsReply({"response": "And now"}, {"tool_calls": [call("b", "weather", '{"place": "Porto"}')]}),
        StreamReply("Done."),
    )
    tab.send("Go")
    tab.wait_until("three requests", lambda: len(upstream.requests) == 3)
    tab.wait_for_end()
    tab.wait_for_answer("Done.")
    roles = [turn["role"] for turn in upstream.requests[2].body["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]
    assert json.loads(upstream.requests[2].body["messages"][2]["content"])["result"] == 42
    tab.wait_until_idle()
    assert len(upstream.requests) == 3
