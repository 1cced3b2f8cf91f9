"""The options of a request beside its parameters: each control changes the request, is saved and is shared."""

from __future__ import annotations

from typing import Any

import pytest

from lib.api.wire import encode_tool
from lib.model.request_options import InputForm
from lib.tools.sample_tools import SAMPLE_TOOLS
from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.upstream import JsonReply, StreamReply, Upstream
from tests.ui.app_test_page import share_address

OWN = {
    "id": "00000000-0000-4000-8000-000000000001",
    "name": "my-adapter",
    "description": "Speaks like us.",
    "model": "@cf/meta/llama-3.2-1b-instruct",
    "public": False,
    "created_at": "",
    "modified_at": "",
}
PUBLIC = OWN | {
    "id": "00000000-0000-4000-8000-000000000002",
    "name": "cf-public-magicoder",
    "description": "Writes code.",
    "public": True,
}
PLAIN = {"stream": True, "max_tokens": 256, "temperature": 0.6}
CALCULATOR = SAMPLE_TOOLS[0].tool


def assert_request_has(tab: BrowserTab, upstream: Upstream, **parts: Any) -> None:
    """Send a message and assert that its request has these properties and, beside the plain ones, no others."""
    body = chat_controls.send_message(tab, upstream).body
    named = {name: value for name, value in body.items() if name not in ("messages", "prompt")}
    assert named == PLAIN | {
        name: value for name, value in parts.items() if name not in ("messages", "prompt")
    }
    for name in ("messages", "prompt"):
        if name in parts:
            assert body[name] == parts[name]


@pytest.mark.reaches_wire("response_format.type", "response_format.json_schema")
def test_json_and_its_schema(tab: BrowserTab, upstream: Upstream) -> None:
    chat_controls.choose_format(tab, "JSON")
    upstream.plan_replies(JsonReply({"response": {"a": 1}}), JsonReply({"response": {"title": "x"}}))
    assert_request_has(tab, upstream, stream=False, response_format={"type": "json_object"})
    chat_controls.choose_format(tab, "JSON with fields")
    tab.wait_until_idle()
    tab.button("Edit fields").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.locator("[class*='st-key-schema-'][class*='-mode']").get_by_text("JSON", exact=True).click()
    tab.wait_until_idle()
    box = dialog.locator("[class*='st-key-schema-'][class*='-text'] textarea")
    box.fill('{"type": "object", "properties": {"title": {"type": "string"}}}')
    box.press("Control+Enter")
    tab.wait_until_idle()
    dialog.get_by_label("Close").click()
    tab.wait_until("it closes", lambda: tab.page.get_by_role("dialog").count() == 0)
    tab.wait_until_idle()
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    assert_request_has(
        tab, upstream, stream=False, response_format={"type": "json_schema", "json_schema": schema}
    )
    chat_controls.choose_format(tab, "Text")
    assert_request_has(tab, upstream)
    # The schema is still there.
    chat_controls.choose_format(tab, "JSON with fields")
    upstream.plan_replies(JsonReply({"response": {"title": "x"}}))
    assert_request_has(
        tab, upstream, stream=False, response_format={"type": "json_schema", "json_schema": schema}
    )


@pytest.mark.reaches_wire(
    "tools[].name",
    "tools[].description",
    "tools[].parameters",
    "tools[].type",
    "tools[].function",
    "functions[].name",
    "functions[].code",
)
def test_tools_and_functions(tab: BrowserTab, upstream: Upstream) -> None:
    tab.wait_until_idle()
    tab.button("Edit tools").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Calculator").click()
    dialog.get_by_label("Name", exact=True).first.wait_for()
    tab.wait_until_idle()
    dialog.get_by_role("tab", name="Functions").click()
    dialog.get_by_role("button", name="Add a function").click()
    dialog.get_by_label("Code").wait_for()
    tab.wait_until_idle()
    dialog.get_by_label("Close").click()
    tab.wait_until("it closes", lambda: tab.page.get_by_role("dialog").count() == 0)
    tab.page.get_by_text("1 tool: calculator · 1 function: my_function").wait_for()
    tab.wait_until_idle()
    assert_request_has(
        tab,
        upstream,
        tools=[encode_tool(CALCULATOR)],
        functions=[{"name": "my_function", "code": "({ text }) => text.toUpperCase()"}],
    )


def lora(tab: BrowserTab) -> Any:
    """Return the box in which an adapter is chosen."""
    return tab.by_key("choose-lora").locator("input")


@pytest.mark.reaches_wire("lora")
def test_an_adapter_from_the_list_and_by_hand(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    upstream.adapters[:] = [OWN, PUBLIC]
    tab = visit(app.url, share_address("Go", form=InputForm.PROMPT))
    tab.wait_until_idle()
    tab.pick_option(lora(tab), "my-adapter")
    tab.page.get_by_text("Yours.").wait_for()
    tab.pick_option(lora(tab), "cf-public-magicoder")
    tab.page.get_by_text("Public. Writes code.").wait_for()
    tab.wait_until_idle()
    assert_request_has(tab, upstream, prompt="Go", lora="cf-public-magicoder")
    lora(tab).fill("by-hand")
    lora(tab).press("Enter")
    tab.page.get_by_text("Not in the list. The name is sent as you typed it.").wait_for()
    tab.wait_until_idle()
    assert_request_has(tab, upstream, prompt="Go", lora="by-hand")


def test_no_editor_opens_under_an_answer(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    """Open no editor under an answer: a dialog's controls would wait for the end of the stream."""
    tab = visit(app.url, share_address("Go", tools=(CALCULATOR,)))
    tab.wait_until_idle()
    upstream.plan_replies(StreamReply(endless=True))
    tab.send("Go")
    tab.wait_for_growth()
    tab.wait_until_drawn()
    tab.button("Edit tools").click()
    tab.page.get_by_text("Wait until the answer has ended, then open the editor.").first.wait_for()
    assert tab.page.get_by_role("dialog").count() == 0
    tab.wait_for_growth()
    upstream.requests[0].release()
    tab.wait_for_end()
    tab.wait_for_answer(upstream.requests[0].sent_text)
    tab.button("Edit tools").click()
    tab.page.get_by_role("dialog").wait_for()
