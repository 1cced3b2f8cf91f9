"""An answer in JSON mode: the verdict, the tree, the text and the table."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from tests.ui.app_test_page import AppTestPage

APP = "tests/page/json_mode_bench.py"
ITEM = {
    "type": "object",
    "properties": {"what": {"type": "string"}, "price": {"type": "number"}},
    "required": ["what", "price"],
}
SCHEMA = {"type": "object", "properties": {"items": {"type": "array", "items": ITEM}}, "required": ["items"]}
IMAGE = "![x](http://192.0.2.1/x.png)"


def open_page(**query: str) -> AppTestPage:
    return AppTestPage("/?" + urlencode({"where": "none", "schema": json.dumps(SCHEMA)} | query), APP)


@pytest.fixture
def page() -> AppTestPage:
    return open_page()


def answer(page: AppTestPage, text: str, *parts: str) -> None:
    """Let the model answer that; assert that the parts are shown."""
    page.send(text)
    for part in parts:
        assert part in page.text(page.by_key("answer")), part


def test_the_text_and_the_tree(page: AppTestPage) -> None:
    text = json.dumps({"items": [{"what": f"{IMAGE} $5 <b>|</b> `a`", "price": 1.5}]})
    answer(page, text, "Valid: all your fields are there", IMAGE)
    page.choose("shown-view", "Text")
    assert page.codes(page.by_key("answer")) == [text]


def test_each_failure_with_its_place(page: AppTestPage) -> None:
    answer(
        page,
        json.dumps({"items": [{"what": 7, "price": "1"}, {"what": IMAGE}, 3]}),
        "JSON, but it does not match your fields",
        "in 4 places",
        "- $.items[0].what must be a text, not the number 7 "
        "- $.items[0].price must be a number, not the text “1” "
        "- $.items[1] has no “price” "
        "- $.items[2] must be an object, not the number 3",
    )


def test_text_around_the_json(page: AppTestPage) -> None:
    answer(page, 'Sure!\n```json\n{"items": []}\n```', "Valid:", "in a code fence, with other text before it")


def test_an_answer_without_json(page: AppTestPage) -> None:
    answer(page, '{"items": [{"what": "a', "Not JSON.", "line 1, column 21", "It stops in the middle")
    assert page.codes(page.by_key("answer"))[0].startswith('   1 {"items": [{"what": "a')
    answer(page, f"I cannot. {IMAGE} $5 and $6", "text without any JSON in it")
    assert page.codes(page.by_key("answer"))[-1] == f"I cannot. {IMAGE} $5 and $6"
    assert not page.has_key("shown-view")


def test_odd_answers_are_shown(page: AppTestPage) -> None:
    answer(page, '{"items": [], "odd": "\\ud800 \\u0000 :red[x] :material/star:"}', "Valid:")
    answer(page, "[" * 3000, "Not checked.", "nested more than 100 deep")
    answer(page, '{"a": 1, "%s": 2}' % ("k" * 500), "has no “items”")


def test_any_object() -> None:
    page = open_page(any="1")
    answer(page, '{"a": 1}', "Valid: a JSON object")
    answer(page, "[1]", "$ is no JSON object, which is what was asked for")
