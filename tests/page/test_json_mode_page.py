"""JSON mode in a conversation: asked for whole, and every kind of answer shown for what it is."""

from __future__ import annotations

import json

import pytest

from lib.model.request_options import ResponseFormat
from tests.page import chat_controls
from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.upstream import Events, Stream, Upstream, Whole
from tests.page.visitor import Visitor

ITEM = {"type": "object", "properties": {"what": {"type": "string"}, "price": {"type": "number"}}}
SCHEMA = json.dumps(
    {"type": "object", "properties": {"items": {"type": "array", "items": ITEM}}, "required": ["items"]}
)


@pytest.fixture
def tab(visit: Visit, app: Application, upstream: Upstream) -> Visitor:
    """A tab where answers must keep to the schema."""
    return visit(app.url, chat_controls.set_up("", response_format=ResponseFormat(SCHEMA), stream=False))


def shown(tab: Visitor) -> str:
    """What stands in the last answer."""
    return tab.answers.last.inner_text()


def test_it_goes_out_whole_and_says_so(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Whole({"response": {"items": []}}, held=True))
    tab.say("Go")
    tab.until("a request", lambda: upstream.asked)
    tab.page.get_by_text("Waiting for the whole answer").first.wait_for()
    assert upstream.asked[0].body["stream"] is False
    assert upstream.asked[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": json.loads(SCHEMA),
    }
    upstream.asked[0].release()
    tab.ended()
    tab.says("Valid JSON, as the schema asks")
    assert tab.answers.last.get_by_text("Valid JSON, as the schema asks").count() == 1
    assert "21 in · 42 out" in tab.figures()


# Recorded: the answer of JSON mode is an object; strings are seen too.
@pytest.mark.parametrize("as_text", [False, True])
def test_a_valid_one_and_its_table(tab: Visitor, upstream: Upstream, as_text: bool) -> None:
    value = {"items": [{"what": "Tea", "price": 1.5}, {"what": "<b>Milk</b>", "price": 2}]}
    upstream.plan(Whole({"response": json.dumps(value) if as_text else value, "tool_calls": []}))
    chat_controls.asked(tab, upstream)
    tab.says("Valid JSON, as the schema asks")
    views = tab.answers.last.locator("[class*='-view']").first
    views.get_by_text("Text", exact=True).click()
    tab.rest()
    assert json.loads(tab.answers.last.locator("code").first.inner_text()) == value
    views.get_by_text("Table", exact=True).click()
    tab.answers.last.locator("table").first.wait_for()
    assert tab.answers.last.locator("td").all_inner_texts() == ["Tea", "1.5", "<b>Milk</b>", "2"]
    tab.page.reload()
    tab.until("its verdict", lambda: tab.answers.count() and "Valid JSON, as the schema asks" in shown(tab))


def test_an_invalid_one_names_the_path(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Whole({"response": {"items": [{"what": 7}]}}))
    chat_controls.asked(tab, upstream)
    tab.says("JSON, but not as the schema asks, in 1 place")
    tab.says("$.items[0].what")


def test_what_is_no_json(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Whole({"response": "I am sorry, I cannot."}))
    chat_controls.asked(tab, upstream)
    tab.says("No JSON.")
    tab.says("I am sorry, I cannot.")


@pytest.mark.parametrize("response", [None, 7, True, "", []])
def test_odd_values(tab: Visitor, upstream: Upstream, response: object) -> None:
    upstream.plan(Whole({"response": response}))
    chat_controls.asked(tab, upstream)
    assert "Valid" not in shown(tab)
    assert "Traceback" not in tab.page.inner_text("body")


def test_a_server_that_streams_all_the_same(tab: Visitor, upstream: Upstream) -> None:
    """Some models do not listen to ``stream``, either way."""
    upstream.plan(Stream('{"items": []}'), Events({"response": '{"items"'}, {"response": ": 1}"}))
    chat_controls.asked(tab, upstream)
    tab.says("Valid JSON, as the schema asks")
    chat_controls.asked(tab, upstream)
    tab.says("$.items")


def test_the_schema_of_then_checks_the_answer_of_then(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Whole({"response": {"items": []}}))
    chat_controls.asked(tab, upstream)
    chat_controls.answer_as(tab, "Text")
    tab.until("still valid", lambda: "Valid JSON, as the schema asks" in shown(tab))
    tab.say("And as text?")
    tab.until("another", lambda: tab.answers.count() == 2 and "A short answer." in shown(tab))
    tab.ended()
    tab.reads("A short answer.")
    assert "response_format" not in upstream.asked[1].body


def test_any_object(visit: Visit, app: Application, upstream: Upstream) -> None:
    tab = visit(app.url, chat_controls.set_up("", response_format=ResponseFormat()))
    upstream.plan(Whole({"response": {"a": 1}}), Whole({"response": "[1]"}))
    assert chat_controls.asked(tab, upstream).body["stream"] is False
    tab.says("Valid: a JSON object")
    chat_controls.asked(tab, upstream)
    tab.says("JSON, but not an object, as was asked")
