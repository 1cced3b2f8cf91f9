"""JSON mode in a conversation: requested in one piece, and every kind of answer checked."""

from __future__ import annotations

import json

import pytest

from lib.model.request_options import ResponseFormat
from tests.page.upstream import EventsReply, JsonReply, StreamReply, Upstream
from tests.ui.app_test_page import AppTestPage, share_address

ITEM = {"type": "object", "properties": {"what": {"type": "string"}, "price": {"type": "number"}}}
SCHEMA = json.dumps(
    {"type": "object", "properties": {"items": {"type": "array", "items": ITEM}}, "required": ["items"]}
)
VALID = "Valid: all your fields are there"


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    """A page on which answers must keep to the schema."""
    return AppTestPage(share_address(response_format=ResponseFormat(SCHEMA), stream=False))


def answer_text(page: AppTestPage) -> str:
    """Return all that stands in the last answer."""
    return page.text(page.answers[-1])


def show_as(page: AppTestPage, view: str) -> AppTestPage:
    """Show the last answer as a tree, as text or as a table."""
    return page.choose(page.by_keys("^answer-.*-view$", page.answers[-1])[0].key, view)


def test_the_request_and_the_verdict(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(JsonReply({"response": {"items": []}}))
    page.send()
    assert upstream.requests[0].body["stream"] is False
    assert upstream.requests[0].body["response_format"] == {
        "type": "json_schema",
        "json_schema": json.loads(SCHEMA),
    }
    assert answer_text(page).count(VALID) == 1
    assert "read 21 · wrote 42 tokens" in page.figures()


# Recorded: the answer of JSON mode is an object; strings were seen too.
@pytest.mark.parametrize("as_text", [False, True])
def test_a_valid_answer_and_its_table(page: AppTestPage, upstream: Upstream, as_text: bool) -> None:
    value = {"items": [{"what": "Tea", "price": 1.5}, {"what": "<b>Milk</b>", "price": 2}]}
    upstream.plan_replies(JsonReply({"response": json.dumps(value) if as_text else value, "tool_calls": []}))
    page.send()
    assert VALID in answer_text(page)
    show_as(page, "Text")
    assert json.loads(page.codes(page.answers[-1])[0]) == value
    show_as(page, "Table")
    assert "what | price Tea | 1.5 <b>Milk</b> | 2" in answer_text(page)
    assert VALID in answer_text(page.reopen())


def test_an_invalid_answer_names_the_path(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(JsonReply({"response": {"items": [{"what": 7}]}}))
    page.send()
    assert "JSON, but it does not match your fields, in 1 place" in answer_text(page)
    assert "$.items[0].what" in answer_text(page)


def test_an_answer_without_json(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(JsonReply({"response": "I am sorry, I cannot."}))
    page.send()
    assert "Not JSON." in answer_text(page)
    assert "I am sorry, I cannot." in answer_text(page)


@pytest.mark.parametrize("response", [None, 7, True, "", []])
def test_odd_values(page: AppTestPage, upstream: Upstream, response: object) -> None:
    upstream.plan_replies(JsonReply({"response": response}))
    page.send()
    assert page.figures()
    assert "Valid" not in answer_text(page)


def test_a_server_that_streams_all_the_same(page: AppTestPage, upstream: Upstream) -> None:
    """Some models ignore ``stream``, either way."""
    upstream.plan_replies(
        StreamReply('{"items": []}'), EventsReply({"response": '{"items"'}, {"response": ": 1}"})
    )
    page.send()
    assert VALID in answer_text(page)
    page.send()
    assert "$.items" in answer_text(page)


def test_an_answer_is_checked_by_the_schema_it_was_asked_with(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(JsonReply({"response": {"items": []}}))
    page.send()
    page.choose("choose-format", "Text")
    assert VALID in answer_text(page)
    page.choose("choose-stream", True)
    page.send("And as text?")
    assert page.first_texts()[-1] == "A short answer."
    assert "response_format" not in upstream.requests[1].body


def test_any_object(upstream: Upstream) -> None:
    page = AppTestPage(share_address(response_format=ResponseFormat()))
    upstream.plan_replies(JsonReply({"response": {"a": 1}}), JsonReply({"response": "[1]"}))
    page.send()
    assert upstream.requests[0].body["stream"] is False
    assert "Valid: a JSON object" in answer_text(page)
    page.send()
    assert "JSON, but not an object" in answer_text(page)
