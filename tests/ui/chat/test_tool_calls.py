"""Tool calls in a conversation: every shape of them on the wire, answered by hand and by the sample tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lib.tools.sample_tools import SAMPLE_TOOLS
from lib.ui.settings.chat_actions import MAX_TOOL_ROUNDS
from tests.page.upstream import EventsReply, JsonReply, Reply, StreamReply, Upstream
from tests.ui.app_test_page import AppTestPage, share_address

TOOLS = tuple(sample.tool for sample in SAMPLE_TOOLS)
GIVEN = '{"expression": "6 * 7"}'


def tool_call(id: str, name: str, arguments: str, index: int = 0) -> dict[str, Any]:
    """Return a call as clients' fixtures have it."""
    return {"id": id, "type": "function", "index": index, "function": {"name": name, "arguments": arguments}}


# Each shape in which a call was seen, in a client's fixture or a recording.
SHAPES: dict[str, tuple[bool, Reply]] = {
    "whole": (True, EventsReply({"tool_calls": [tool_call("call123", "calculator", GIVEN)]})),
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
    "OpenAI's": (
        False,
        JsonReply({"response": None, "tool_calls": [tool_call("call123", "calculator", GIVEN)]}),
    ),
}


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    """A page with the sample tools."""
    return AppTestPage(share_address(tools=TOOLS))


def card_key(page: AppTestPage, number: int = 0) -> str:
    """Return the key of a card of the last answer; the keys of its controls begin with it."""
    return f"calls-{page.message_id(page.answers[-1])}-{number}"


def result(page: AppTestPage, number: int = 0) -> str:
    """Return the text in the box for a tool's result."""
    return str(page.by_key(f"{card_key(page, number)}-result").value)


def send_results(page: AppTestPage) -> AppTestPage:
    """Click the button that sends the results of the last answer's calls."""
    return page.click(f"calls-{page.message_id(page.answers[-1])}-send")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_call_of_each_shape_is_answered(upstream: Upstream, shape: str) -> None:
    streamed, answer = SHAPES[shape]
    page = AppTestPage(share_address(tools=TOOLS, stream=streamed))
    upstream.plan_replies(answer, StreamReply("It is 42."))
    page.send("What is 6 * 7?")
    assert [tool["name"] for tool in upstream.requests[0].body["tools"]] == ["calculator", "clock", "weather"]
    card = page.text(page.by_key(card_key(page)))
    assert "calculator" in card
    assert "6 * 7" in card
    assert "Fits the tool" in card
    page.click(f"{card_key(page)}-run")
    assert '"result": ' in result(page)
    send_results(page)
    assert page.first_texts()[-1] == "It is 42."
    question, called, told = upstream.requests[1].body["messages"]
    assert question == {"role": "user", "content": "What is 6 * 7?"}
    assert (called["role"], called["content"]) == ("assistant", "")
    (sent,) = called["tool_calls"]
    assert sent["type"] == "function"
    assert sent["function"]["name"] == "calculator"
    assert json.loads(sent["function"]["arguments"]) == {"expression": "6 * 7"}
    assert told.items() >= {"role": "tool", "tool_call_id": sent["id"], "name": "calculator"}.items()
    assert json.loads(told["content"]) == {"expression": "6 * 7", "result": 42}
    if "flat" not in shape:
        assert sent["id"] == "call123"


def test_a_typed_result(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(
        EventsReply({"tool_calls": [tool_call("a", "weather", '{"place": "Lisbon"}')]}), StreamReply("Sunny.")
    )
    page.send()
    send_results(page)
    assert "Type a result first, or run the tool." in page.text(page.answers[-1])
    assert len(upstream.requests) == 1
    page.choose(f"{card_key(page)}-result", "Sun, “24 °C”")
    send_results(page)
    assert len(upstream.requests) == 2
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
def test_wrong_arguments_are_named(page: AppTestPage, upstream: Upstream, what: str) -> None:
    name, arguments, words = WRONG[what]
    upstream.plan_replies(EventsReply({"tool_calls": [tool_call("a", name, arguments)]}), StreamReply("Oh."))
    page.send()
    card = page.text(page.by_key(card_key(page)))
    assert "Does not fit the tool" in card
    assert words in card
    page.choose(f"{card_key(page)}-result", "No such thing.")
    send_results(page)
    assert len(upstream.requests) == 2
    assert upstream.requests[1].body["messages"][-2]["tool_calls"][0]["function"]["arguments"] == arguments
    assert upstream.requests[1].body["messages"][-1]["content"] == "No such thing."


@pytest.mark.reaches_wire("messages[].tool_calls", "messages[].tool_call_id", "messages[].name")
def test_several_calls_are_answered_together(page: AppTestPage, upstream: Upstream) -> None:
    calls = [
        tool_call("one", "calculator", GIVEN),
        tool_call("two", "weather", '{"place": "Porto"}', 1),
        tool_call("three", "clock", '{"time_zone": "UTC"}', 2),
    ]
    upstream.plan_replies(EventsReply({"tool_calls": calls}), StreamReply("All three."))
    page.send()
    assert len(page.by_keys("-result$", page.answers[-1])) == 3
    page.click(f"{card_key(page, 0)}-run")
    page.click(f"{card_key(page, 1)}-run")
    send_results(page)
    assert len(upstream.requests) == 1  # the third has no result
    assert '"result": ' in result(page, 0)
    page.click(f"{card_key(page, 2)}-run")
    send_results(page)
    assert len(upstream.requests) == 2
    _, called, *told = upstream.requests[1].body["messages"]
    assert [call["id"] for call in called["tool_calls"]] == ["one", "two", "three"]
    assert [(turn["role"], turn["tool_call_id"], turn["name"]) for turn in told] == [
        ("tool", "one", "calculator"),
        ("tool", "two", "weather"),
        ("tool", "three", "clock"),
    ]


def test_sample_tools_answer_automatically_over_two_rounds(page: AppTestPage, upstream: Upstream) -> None:
    page.choose("choose-auto", True)
    upstream.plan_replies(
        EventsReply({"tool_calls": [tool_call("a", "calculator", GIVEN)]}),
        EventsReply(
            {"response": "And now"}, {"tool_calls": [tool_call("b", "weather", '{"place": "Porto"}')]}
        ),
        StreamReply("Done."),
    )
    page.send()
    assert len(upstream.requests) == 3
    assert page.first_texts()[-1] == "Done."
    roles = [turn["role"] for turn in upstream.requests[2].body["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]
    assert json.loads(upstream.requests[2].body["messages"][2]["content"])["result"] == 42


def test_automatic_rounds_are_limited(page: AppTestPage, upstream: Upstream) -> None:
    page.choose("choose-auto", True)
    upstream.plan_replies(
        *(
            EventsReply({"tool_calls": [tool_call(f"c{n}", "calculator", GIVEN)]})
            for n in range(MAX_TOOL_ROUNDS + 3)
        )
    )
    page.send()
    assert len(upstream.requests) == MAX_TOOL_ROUNDS + 1
    assert page.by_keys("^calls-.*-send$", page.answers[-1])[0].label == "Send result"
    page.run()
    assert len(upstream.requests) == MAX_TOOL_ROUNDS + 1


def test_another_tool_waits_for_the_user(page: AppTestPage, upstream: Upstream) -> None:
    page.choose("choose-auto", True)
    upstream.plan_replies(
        EventsReply(
            {"tool_calls": [tool_call("a", "calculator", GIVEN), tool_call("b", "book_table", "{}", 1)]}
        ),
        StreamReply("Well."),
    )
    page.send()
    assert len(upstream.requests) == 1
    assert '"result": ' in result(page, 0)
    page.choose(f"{card_key(page, 1)}-result", "Booked.")
    send_results(page)
    assert len(upstream.requests) == 2
    assert upstream.requests[1].body["messages"][-1]["content"] == "Booked."
