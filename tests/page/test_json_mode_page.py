"""JSON mode in a conversation: asked for whole, and every kind of answer shown for what it is."""

from __future__ import annotations

import json

import pytest

from lib.model.request_options import ResponseFormat
from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.upstream import EventsReply, JsonReply, StreamReply, Upstream

ITEM = {"type": "object", "properties": {"what": {"type": "string"}, "price": {"type": "number"}}}
SCHEMA = json.dumps(
    {"type": "object", "properties": {"items": {"type": "array", "items": ITEM}}, "required": ["items"]}
)


@pytest.fixture
def tab(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """A tab where answers must keep to the schema."""
    return visit(
        app.url, chat_controls.share_address("", response_format=ResponseFormat(SCHEMA), stream=False)
    )


def shown(tab: BrowserTab) -> str:
    """What stands in the last answer."""
    return tab.answers.last.inner_text()


def test_it_goes_out_whole_and_says_so(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(JsonReply({"response": {"items": []}}, held=True))
    tab.send("Go")
    tab.wait_until("a request", lambda: upstream.requests)
    tab.page.get_by_text("Waiting for the whole answer").first.wait_for()
    assert upstream.requests[0].body["stream"] is False
    assert upstream.requests[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": json.loads(SCHEMA),
    }
    upstream.requests[0].release()
    tab.wait_for_end()
    tab.wait_for_answer_part("Valid JSON, as the schema asks")
    assert tab.answers.last.get_by_text("Valid JSON, as the schema asks").count() == 1
    assert "21 in · 42 out" in tab.figures()


# Recorded: the answer of JSON mode is an object; strings are seen too.
@pytest.mark.parametrize("as_text", [False, True])
def test_a_valid_one_and_its_table(tab: BrowserTab, upstream: Upstream, as_text: bool) -> None:
    value = {"items": [{"what": "Tea", "price": 1.5}, {"what": "<b>Milk</b>", "price": 2}]}
    upstream.plan_replies(JsonReply({"response": json.dumps(value) if as_text else value, "tool_calls": []}))
    chat_controls.send_message(tab, upstream)
    tab.wait_for_answer_part("Valid JSON, as the schema asks")
    views = tab.answers.last.locator("[class*='-view']").first
    views.get_by_text("Text", exact=True).click()
    tab.wait_until_idle()
    assert json.loads(tab.answers.last.locator("code").first.inner_text()) == value
    views.get_by_text("Table", exact=True).click()
    tab.answers.last.locator("table").first.wait_for()
    assert tab.answers.last.locator("td").all_inner_texts() == ["Tea", "1.5", "<b>Milk</b>", "2"]
    tab.page.reload()
    tab.wait_until(
        "its verdict", lambda: tab.answers.count() and "Valid JSON, as the schema asks" in shown(tab)
    )


def test_an_invalid_one_names_the_path(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(JsonReply({"response": {"items": [{"what": 7}]}}))
    chat_controls.send_message(tab, upstream)
    tab.wait_for_answer_part("JSON, but not as the schema asks, in 1 place")
    tab.wait_for_answer_part("$.items[0].what")


def test_what_is_no_json(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(JsonReply({"response": "I am sorry, I cannot."}))
    chat_controls.send_message(tab, upstream)
    tab.wait_for_answer_part("No JSON.")
    tab.wait_for_answer_part("I am sorry, I cannot.")


@pytest.mark.parametrize("response", [None, 7, True, "", []])
def test_odd_values(tab: BrowserTab, upstream: Upstream, response: object) -> None:
    upstream.plan_replies(JsonReply({"response": response}))
    chat_controls.send_message(tab, upstream)
    assert "Valid" not in shown(tab)
    assert "Traceback" not in tab.page.inner_text("body")


def test_a_server_that_streams_all_the_same(tab: BrowserTab, upstream: Upstream) -> None:
    """Some models do not listen to ``stream``, either way."""
    upstream.plan_replies(
        StreamReply('{"items": []}'), EventsReply({"response": '{"items"'}, {"response": ": 1}"})
    )
    chat_controls.send_message(tab, upstream)
    tab.wait_for_answer_part("Valid JSON, as the schema asks")
    chat_controls.send_message(tab, upstream)
    tab.wait_for_answer_part("$.items")


def test_the_schema_of_then_checks_the_answer_of_then(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(JsonReply({"response": {"items": []}}))
    chat_controls.send_message(tab, upstream)
    chat_controls.choose_format(tab, "Text")
    tab.wait_until("still valid", lambda: "Valid JSON, as the schema asks" in shown(tab))
    tab.send("And as text?")
    tab.wait_until("another", lambda: tab.answers.count() == 2 and "A short answer." in shown(tab))
    tab.wait_for_end()
    tab.wait_for_answer("A short answer.")
    assert "response_format" not in upstream.requests[1].body


def test_any_object(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    tab = visit(app.url, chat_controls.share_address("", response_format=ResponseFormat()))
    upstream.plan_replies(JsonReply({"response": {"a": 1}}), JsonReply({"response": "[1]"}))
    assert chat_controls.send_message(tab, upstream).body["stream"] is False
    tab.wait_for_answer_part("Valid: a JSON object")
    chat_controls.send_message(tab, upstream)
    tab.wait_for_answer_part("JSON, but not an object, as was asked")
