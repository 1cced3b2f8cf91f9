"""What a request carries beside its parameters: each control reaches the wire, is kept, and travels with links."""

from __future__ import annotations

from typing import Any

import pytest

from lib.api.wire import encode_tool
from lib.model.request_options import InputForm, ResponseFormat
from lib.tools.sample_tools import SAMPLE_TOOLS
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import JsonReply, Upstream
from tests.ui.app_test_page import MODEL, WHOLE_APP, AppTestPage, share_address

PLAIN = {"stream": True, "max_tokens": 256, "temperature": 0.6}
CALCULATOR = SAMPLE_TOOLS[0].tool


def assert_request_has(page: AppTestPage, upstream: Upstream, **parts: Any) -> None:
    """Send a message; assert that the request has these properties beside the plain ones, and no other."""
    page.send()
    body = upstream.requests[-1].body
    texts = ("messages", "prompt")
    assert {name: value for name, value in body.items() if name not in texts} == PLAIN | {
        name: value for name, value in parts.items() if name not in texts
    }
    assert {name: body[name] for name in texts if name in parts} == {
        name: parts[name] for name in texts if name in parts
    }


@pytest.mark.reaches_wire("prompt")
def test_the_form(upstream: Upstream) -> None:
    page = AppTestPage().choose("system", "Be brief.")
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go"}]
    assert_request_has(page, upstream, messages=turns)
    page.choose("choose-form", InputForm.PROMPT)
    assert not page.has_key("system")
    assert_request_has(page, upstream, prompt="Go")
    assert "messages" not in upstream.requests[-1].body
    page.choose("choose-form", InputForm.MESSAGES)
    assert page.by_key("system").value == "Be brief."
    page.send()
    assert "prompt" not in upstream.requests[-1].body
    assert upstream.requests[-1].body["messages"][0] == turns[0]


def test_an_adapter_of_this_model_comes_first(upstream: Upstream) -> None:
    """The list may have one name for several models."""
    other = {"id": "1", "name": "same", "model": "@cf/x/other", "description": "Not for it.", "public": True}
    ours = other | {"id": "2", "model": MODEL.id, "description": "For it."}
    upstream.adapters[:] = [other, other | {"id": "3", "name": "foreign"}, ours]
    page = AppTestPage(share_address("Go", form=InputForm.PROMPT))
    assert page.by_key("choose-lora").options == ["same", "foreign"]
    assert "Public. For it." in page.choose("choose-lora", "same").texts()
    assert "Public. Not for it. Made for @cf/x/other." in page.choose("choose-lora", "foreign").texts()


@pytest.mark.reaches_wire("raw", "stream")
def test_raw_messages_and_stream_off(upstream: Upstream) -> None:
    page = AppTestPage().choose("choose-raw", True)
    assert_request_has(page, upstream, raw=True)
    page.choose("choose-raw", False)
    page.choose("choose-stream", False)
    upstream.plan_replies(JsonReply({"response": "In one piece."}))
    assert_request_has(page, upstream, stream=False)
    assert page.first_texts()[-1] == "In one piece."


def test_a_message_that_does_not_wait_for_capacity(upstream: Upstream) -> None:
    page = AppTestPage().send()
    assert "options" not in upstream.requests[-1].body
    page.choose("choose-reject_if_busy", True)
    assert_request_has(page, upstream, options={"rejectIfBusy": True})
    # The settings of a past request are those of its controls.
    page.choose("choose-reject_if_busy", False)
    page.choose_in_menu(page.answers[-1], "Use these settings")
    assert page.by_key("choose-reject_if_busy").value is True


def test_json_and_its_schema(upstream: Upstream) -> None:
    page = AppTestPage().choose("choose-format", "JSON")
    upstream.plan_replies(JsonReply({"response": {"a": 1}}), JsonReply({"response": {"title": "x"}}))
    assert_request_has(page, upstream, stream=False, response_format={"type": "json_object"})
    page.choose("choose-format", "JSON with fields")
    page.click("open-edit-schema")
    page.choose(page.by_keys("^schema-.*-mode$")[0].key, "JSON")
    page.click("open-edit-schema")  # AppTest draws the whole page anew, and closes the dialog
    text = '{"type": "object", "properties": {"title": {"type": "string"}}}'
    page.choose(page.by_keys("^schema-.*-text$")[0].key, text)
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    assert_request_has(
        page, upstream, stream=False, response_format={"type": "json_schema", "json_schema": schema}
    )
    page.choose("choose-format", "Text")
    assert_request_has(page, upstream)
    page.choose("choose-format", "JSON with fields")  # the schema was kept
    upstream.plan_replies(JsonReply({"response": {"title": "x"}}))
    assert_request_has(
        page, upstream, stream=False, response_format={"type": "json_schema", "json_schema": schema}
    )


def test_three_fields_are_typed_in_one_box(upstream: Upstream) -> None:
    page = AppTestPage().choose("choose-format", "JSON with fields")
    assert page.by_key("choose-fields").value == "name, age, languages"
    page.choose("choose-fields", " title , year,director, title,,")
    assert page.by_key("choose-fields").value == "title, year, director"
    upstream.plan_replies(JsonReply({"response": {}}))
    fields = {name: {"type": "string"} for name in ("title", "year", "director")}
    # Nothing of the sample is left.
    schema = {"type": "object", "properties": fields, "required": ["title", "year", "director"]}
    assert_request_has(
        page, upstream, stream=False, response_format={"type": "json_schema", "json_schema": schema}
    )


def test_known_fields_stay_as_they_are(upstream: Upstream) -> None:
    page = AppTestPage().choose("choose-format", "JSON with fields").choose("choose-fields", "city, age")
    upstream.plan_replies(JsonReply({"response": {}}))
    fields = {"city": {"type": "string"}, "age": {"type": "integer", "description": "In years"}}
    schema = {"type": "object", "properties": fields, "required": ["city", "age"]}
    assert_request_has(
        page, upstream, stream=False, response_format={"type": "json_schema", "json_schema": schema}
    )


def test_dialogs_have_a_button_that_closes_them(upstream: Upstream) -> None:
    page = AppTestPage().choose("choose-format", "JSON with fields").click("open-edit-schema")
    assert page.has_key("schema-done")
    assert not page.click("schema-done").has_key("schema-done")
    assert page.click("open-edit-tools").has_key("tools-done")


def assert_shows_all(page: AppTestPage) -> None:
    """Assert that the controls show the options of the tests below."""
    assert page.by_key("choose-form").value is InputForm.MESSAGES
    assert page.by_key("choose-format").value == "JSON with fields"
    assert page.by_key("choose-stream").value is False
    assert page.by_key("choose-raw").value is True
    assert "1 tool: calculator" in page.text(page.test.sidebar)


SCHEMA = '{"type": "object", "properties": {"kept": {"type": "string"}}}'
ALL: dict[str, Any] = {
    "stream": False,
    "raw": True,
    "response_format": ResponseFormat(SCHEMA),
    "tools": (CALCULATOR,),
}
SENT: dict[str, Any] = {
    "stream": False,
    "raw": True,
    "tools": [encode_tool(CALCULATOR)],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"type": "object", "properties": {"kept": {"type": "string"}}},
    },
}


def test_they_survive_reloads_and_conversations(upstream: Upstream) -> None:
    page = AppTestPage(share_address("Go", **ALL))
    assert_shows_all(page)
    page = page.reopen()
    assert_shows_all(page)
    upstream.plan_replies(JsonReply({"response": {"kept": "1"}}), JsonReply({"response": {"kept": "2"}}))
    assert_request_has(page, upstream, **SENT)
    page.click("new")
    assert_shows_all(page)
    assert_request_has(page, upstream, **SENT)


def test_they_survive_another_page(upstream: Upstream) -> None:
    page = AppTestPage(share_address("Go", **ALL), WHOLE_APP)
    assert_shows_all(page)
    page.go_to("model")
    assert not page.has_key("choose-form")
    page.go_to("chat")
    assert_shows_all(page)
    upstream.plan_replies(JsonReply({"response": {"kept": "1"}}))
    assert_request_has(page, upstream, **SENT)


def test_a_link_carries_them(upstream: Upstream) -> None:
    page = AppTestPage(share_address("Go", **ALL))
    link = page.codes(page.by_key("share"))[0]
    other = AppTestPage("/" + link[link.index("?") :])
    assert_shows_all(other)
    upstream.plan_replies(JsonReply({"response": {"kept": "1"}}))
    assert_request_has(other, upstream, **SENT)


def test_a_link_carries_a_raw_prompt(upstream: Upstream) -> None:
    page = AppTestPage(share_address("<|begin_of_text|>Once", form=InputForm.PROMPT, raw=True))
    assert page.by_key("raw-prompt").value == "<|begin_of_text|>Once"


def test_a_preset_keeps_them(upstream: Upstream) -> None:
    page = AppTestPage(share_address("Go", **ALL))
    page.choose("preset-name", "All of it")
    page.click("preset-keep")
    (kept,) = registry().store.presets.load_all(LOCAL_OWNER)
    assert kept.name == "All of it"
    other = AppTestPage(share_address("Go"))
    assert other.by_key("choose-format").value == "Text"
    other.click(f"own-use-{kept.id}")
    assert_shows_all(other)
    upstream.plan_replies(JsonReply({"response": {"kept": "1"}}))
    assert_request_has(other, upstream, **SENT)
