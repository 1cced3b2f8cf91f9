"""Tool calls in a conversation: every shape of them on the wire, answered by hand and by the sample tools."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator

from lib.tools.sample_tools import SAMPLE_TOOLS
from lib.ui.settings.chat_actions import MAX_TOOL_ROUNDS
from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.upstream import EventsReply, JsonReply, Reply, StreamReply, Upstream

TOOLS = tuple(one.tool for one in SAMPLE_TOOLS)
GIVEN = '{"expression": "6 * 7"}'


def call(id: str, name: str, arguments: str, index: int = 0) -> dict[str, Any]:
    """A call as clients' fixtures have it."""
    return {"id": id, "type": "function", "index": index, "function": {"name": name, "arguments": arguments}}


# Each shape in which one call was seen, by a client's fixture or a recording.
SHAPES: dict[str, tuple[bool, Reply]] = {
    "whole": (True, EventsReply({"tool_calls": [call("call123", "calculator", GIVEN)]})),
    "in pieces": (
        True,
        EventsReply(
            {
                "tool_calls": [
                    {"id": "call123", "type": "function", "index": 0, "function": {"name": "calculator"}}
                ]
            },
            {"tool_calls": [{"index": 0, "function": {"arguments": GIVEN[:9]}}], "p": "abcdef"},
            {"tool_calls": [{"index": 0, "function": {"arguments": GIVEN[9:]}}]},
            {
                "tool_calls": [
                    {"id": None, "type": None, "index": 0, "function": {"name": None, "arguments": ""}}
                ]
            },
            {"finish_reason": "tool_calls"},
        ),
    ),
    "flat, in a stream": (
        True,
        EventsReply({"response": "", "tool_calls": [{"name": "calculator", "arguments": json.loads(GIVEN)}]}),
    ),
    "flat": (
        False,
        JsonReply({"response": None, "tool_calls": [{"name": "calculator", "arguments": json.loads(GIVEN)}]}),
    ),
    "OpenAI's": (False, JsonReply({"response": None, "tool_calls": [call("call123", "calculator", GIVEN)]})),
}


@pytest.fixture
def tab(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """A tab with the sample tools."""
    return visit(app.url, chat_controls.share_address("", tools=TOOLS))


def cards(tab: BrowserTab) -> Locator:
    """The calls of the last answer."""
    return tab.answers.last.locator("[data-testid=stVerticalBlock][class*='st-key-calls-']")


def result(tab: BrowserTab, number: int = 0) -> Locator:
    """The box for what the tool says."""
    return tab.answers.last.locator("textarea[aria-label=Result]").nth(number)


def press(tab: BrowserTab, name: str, number: int = 0) -> None:
    """A button of the last answer's."""
    tab.answers.last.get_by_role("button", name=name, exact=True).nth(number).click()
    tab.wait_until_idle()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_call_of_each_shape_is_answered(
    visit: Visit, app: AppProcess, upstream: Upstream, shape: str
) -> None:
    streamed, answer = SHAPES[shape]
    tab = visit(app.url, chat_controls.share_address("", tools=TOOLS, stream=streamed))
    upstream.plan_replies(answer, StreamReply("It is 42."))
    body = chat_controls.send_message(tab, upstream, "What is 6 * 7?").body
    assert [tool["name"] for tool in body["tools"]] == ["calculator", "clock", "weather"]
    card = cards(tab).first
    tab.wait_until("the card", lambda: "calculator" in card.inner_text() and "6 * 7" in card.inner_text())
    assert "Fits the tool" in card.inner_text()
    press(tab, "Run")
    tab.wait_until("the result", lambda: '"result": ' in result(tab).input_value())
    press(tab, "Send result")
    tab.wait_until("the second", lambda: len(upstream.requests) == 2)
    chat_controls.wait_for_reply(tab, upstream, 1)
    tab.wait_for_answer("It is 42.")
    asked, called, told = upstream.requests[1].body["messages"]
    assert asked == {"role": "user", "content": "What is 6 * 7?"}
    assert (called["role"], called["content"]) == ("assistant", "")
    (sent,) = called["tool_calls"]
    assert sent["type"] == "function"
    assert sent["function"]["name"] == "calculator"
    assert json.loads(sent["function"]["arguments"]) == {"expression": "6 * 7"}
    assert told.items() >= {"role": "tool", "tool_call_id": sent["id"], "name": "calculator"}.items()
    assert json.loads(told["content"]) == {"expression": "6 * 7", "result": 42}
    if "flat" not in shape:
        assert sent["id"] == "call123"


def test_a_typed_result(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(
        EventsReply({"tool_calls": [call("a", "weather", '{"place": "Lisbon"}')]}), StreamReply("Sunny.")
    )
    chat_controls.send_message(tab, upstream)
    press(tab, "Send result")
    tab.page.get_by_text("Type a result first, or run the tool.").wait_for()
    assert len(upstream.requests) == 1
    result(tab).fill("Sun, “24 °C”")
    result(tab).press("Control+Enter")
    tab.wait_until_idle()
    press(tab, "Send result")
    tab.wait_until("the second", lambda: len(upstream.requests) == 2)
    chat_controls.wait_for_reply(tab, upstream, 1)
    assert upstream.requests[1].body["messages"][-1] == {
        "role": "tool",
        "content": "Sun, “24 °C”",
        "tool_call_id": "a",
        "name": "weather",
    }


WRONG = {
    "a missing argument": ("weather", "{}", "place"),
    "a value that is not allowed": ("weather", '{"place": "Lisbon", "unit": "kelvin"}', "unit"),
    "no JSON": ("weather", '{"place": "Lis', "is not complete"),
    "a tool that was not offered": ("book_table", "{}", "book_table"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_arguments_are_named(tab: BrowserTab, upstream: Upstream, what: str) -> None:
    name, arguments, words = WRONG[what]
    upstream.plan_replies(EventsReply({"tool_calls": [call("a", name, arguments)]}), StreamReply("Oh."))
    chat_controls.send_message(tab, upstream)
    card = cards(tab).first
    tab.wait_until("the badge", lambda: "Does not fit the tool" in card.inner_text())
    assert words in card.inner_text()
    result(tab).fill("No such thing.")
    result(tab).press("Control+Enter")
    tab.wait_until_idle()
    press(tab, "Send result")
    tab.wait_until("the second", lambda: len(upstream.requests) == 2)
    chat_controls.wait_for_reply(tab, upstream, 1)
    assert upstream.requests[1].body["messages"][-2]["tool_calls"][0]["function"]["arguments"] == arguments
    assert upstream.requests[1].body["messages"][-1]["content"] == "No such thing."


@pytest.mark.reaches_wire("messages[].tool_calls", "messages[].tool_call_id", "messages[].name")
def test_several_calls_are_answered_together(tab: BrowserTab, upstream: Upstream) -> None:
    calls = [
        call("one", "calculator", GIVEN),
        call("two", "weather", '{"place": "Porto"}', 1),
        call("three", "clock", '{"time_zone": "UTC"}', 2),
    ]
    upstream.plan_replies(EventsReply({"tool_calls": calls}), StreamReply("All three."))
    chat_controls.send_message(tab, upstream)
    tab.wait_until(
        "three cards", lambda: tab.answers.last.locator("textarea[aria-label=Result]").count() == 3
    )
    press(tab, "Run", 0)
    press(tab, "Run", 1)
    press(tab, "Send results")
    assert len(upstream.requests) == 1  # the third has no result
    assert '"result": ' in result(tab, 0).input_value()
    press(tab, "Run", 2)
    press(tab, "Send results")
    tab.wait_until("the second", lambda: len(upstream.requests) == 2)
    chat_controls.wait_for_reply(tab, upstream, 1)
    _, called, *told = upstream.requests[1].body["messages"]
    assert [one["id"] for one in called["tool_calls"]] == ["one", "two", "three"]
    assert [(one["role"], one["tool_call_id"], one["name"]) for one in told] == [
        ("tool", "one", "calculator"),
        ("tool", "two", "weather"),
        ("tool", "three", "clock"),
    ]


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
    tab.wait_until("three requests", lambda: len(upstream.requests) == 3, patience=30)
    tab.wait_for_end()
    tab.wait_for_answer("Done.")
    roles = [turn["role"] for turn in upstream.requests[2].body["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]
    assert json.loads(upstream.requests[2].body["messages"][2]["content"])["result"] == 42
    tab.wait_until_idle()
    assert len(upstream.requests) == 3


def test_rounds_have_an_end(tab: BrowserTab, upstream: Upstream) -> None:
    by_itself(tab)
    upstream.plan_replies(
        *(
            EventsReply({"tool_calls": [call(f"c{n}", "calculator", GIVEN)]})
            for n in range(MAX_TOOL_ROUNDS + 3)
        )
    )
    tab.send("Go")
    tab.wait_until("all rounds", lambda: len(upstream.requests) == MAX_TOOL_ROUNDS + 1, patience=60)
    tab.wait_until(
        "a hand is needed", lambda: tab.answers.last.get_by_role("button", name="Send result").count()
    )
    tab.page.wait_for_timeout(2000)
    assert len(upstream.requests) == MAX_TOOL_ROUNDS + 1


def test_another_tool_waits_for_a_hand(tab: BrowserTab, upstream: Upstream) -> None:
    by_itself(tab)
    upstream.plan_replies(
        EventsReply({"tool_calls": [call("a", "calculator", GIVEN), call("b", "book_table", "{}", 1)]}),
        StreamReply("Well."),
    )
    chat_controls.send_message(tab, upstream)
    tab.page.wait_for_timeout(1000)
    assert len(upstream.requests) == 1
    tab.wait_until("the sample's result", lambda: '"result": ' in result(tab, 0).input_value())
    result(tab, 1).fill("Booked.")
    result(tab, 1).press("Control+Enter")
    tab.wait_until_idle()
    press(tab, "Send results")
    tab.wait_until("the second", lambda: len(upstream.requests) == 2)
    chat_controls.wait_for_reply(tab, upstream, 1)
    assert upstream.requests[1].body["messages"][-1]["content"] == "Booked."
