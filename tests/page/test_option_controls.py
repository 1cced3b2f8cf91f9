"""What a request carries beside its parameters: each control reaches the wire, is kept, and travels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lib.api.wire import encode_tool
from lib.model.request_options import Form, ResponseFormat
from lib.tools.sample_tools import SAMPLES
from lib.ui.shell.visitor import LOCAL
from tests.page import chat_controls, saved_outside
from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.upstream import Stream, Upstream, Whole
from tests.page.visitor import Visitor

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
CALCULATOR = SAMPLES[0].tool


def reaches(tab: Visitor, upstream: Upstream, **parts: Any) -> None:
    """Say something and see that the request has these properties, and no other beside the plain ones."""
    body = chat_controls.asked(tab, upstream).body
    named = {name: value for name, value in body.items() if name not in ("messages", "prompt")}
    assert named == PLAIN | {
        name: value for name, value in parts.items() if name not in ("messages", "prompt")
    }
    for name in ("messages", "prompt"):
        if name in parts:
            assert body[name] == parts[name]


def test_the_form(tab: Visitor, upstream: Upstream) -> None:
    tab.key("system").locator("textarea").fill("Be brief.")
    tab.key("system").locator("textarea").press("Control+Enter")
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go"}]
    reaches(tab, upstream, messages=said)
    chat_controls.form(tab, "Prompt")
    tab.until("no system prompt", lambda: tab.key("system").count() == 0)
    reaches(tab, upstream, prompt="Go")
    assert "messages" not in upstream.asked[-1].body
    chat_controls.form(tab, "Messages")
    system = tab.key("system").locator("textarea")
    tab.until("the system prompt", lambda: system.count() and system.input_value() == "Be brief.")
    body = chat_controls.asked(tab, upstream).body
    assert "prompt" not in body
    assert body["messages"][0] == said[0]


def test_raw_messages_and_stream_off(tab: Visitor, upstream: Upstream) -> None:
    chat_controls.flip(tab, "raw")
    reaches(tab, upstream, raw=True)
    chat_controls.flip(tab, "raw")
    chat_controls.flip(tab, "stream")
    upstream.plan(Whole({"response": "In one piece."}))
    reaches(tab, upstream, stream=False)
    tab.reads("In one piece.")


def test_json_and_its_schema(tab: Visitor, upstream: Upstream) -> None:
    chat_controls.answer_as(tab, "JSON")
    upstream.plan(Whole({"response": {"a": 1}}), Whole({"response": {"title": "x"}}))
    reaches(tab, upstream, stream=False, response_format={"type": "json_object"})
    chat_controls.answer_as(tab, "JSON schema")
    tab.rest()
    tab.button("Edit schema").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.locator("[class*='st-key-schema-'][class*='-mode']").get_by_text("JSON", exact=True).click()
    tab.rest()
    box = dialog.locator("[class*='st-key-schema-'][class*='-text'] textarea")
    box.fill('{"type": "object", "properties": {"title": {"type": "string"}}}')
    box.press("Control+Enter")
    tab.rest()
    dialog.get_by_label("Close").click()
    tab.until("it closes", lambda: tab.page.get_by_role("dialog").count() == 0)
    tab.rest()
    schema = {"type": "object", "properties": {"title": {"type": "string"}}}
    reaches(tab, upstream, stream=False, response_format={"type": "json_schema", "json_schema": schema})
    chat_controls.answer_as(tab, "Text")
    reaches(tab, upstream)
    chat_controls.answer_as(tab, "JSON schema")  # it comes back
    upstream.plan(Whole({"response": {"title": "x"}}))
    reaches(tab, upstream, stream=False, response_format={"type": "json_schema", "json_schema": schema})


def test_tools_and_functions(tab: Visitor, upstream: Upstream) -> None:
    tab.rest()
    tab.button("Edit tools").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Calculator").click()
    dialog.get_by_label("Name", exact=True).first.wait_for()
    tab.rest()
    dialog.get_by_role("tab", name="Functions").click()
    dialog.get_by_role("button", name="Add a function").click()
    dialog.get_by_label("Code").wait_for()
    tab.rest()
    dialog.get_by_label("Close").click()
    tab.until("it closes", lambda: tab.page.get_by_role("dialog").count() == 0)
    tab.page.get_by_text("1 tool: calculator · 1 function: my_function").wait_for()
    tab.rest()
    reaches(
        tab,
        upstream,
        tools=[encode_tool(CALCULATOR)],
        functions=[{"name": "my_function", "code": "({ text }) => text.toUpperCase()"}],
    )


def lora(tab: Visitor) -> Any:
    """Where an adapter is chosen."""
    return tab.key("choose-lora").locator("input")


def test_an_adapter_from_the_list_and_by_hand(visit: Visit, app: Application, upstream: Upstream) -> None:
    upstream.adapters[:] = [OWN, PUBLIC]
    tab = visit(app.url, chat_controls.set_up("Go", form=Form.PROMPT))
    tab.rest()
    tab.pick(lora(tab), "my-adapter")
    tab.page.get_by_text("Yours.").wait_for()
    tab.pick(lora(tab), "cf-public-magicoder")
    tab.page.get_by_text("Public. Writes code.").wait_for()
    tab.rest()
    reaches(tab, upstream, prompt="Go", lora="cf-public-magicoder")
    lora(tab).fill("by-hand")
    lora(tab).press("Enter")
    tab.page.get_by_text("Not in the list: it is sent as it is.").wait_for()
    tab.rest()
    reaches(tab, upstream, prompt="Go", lora="by-hand")


def shows_all(tab: Visitor) -> None:
    """The set-up of the tests below stands in the controls."""
    tab.key("choose-form").wait_for()
    tab.rest()
    tab.until("the format", lambda: chat_controls.chosen(tab, "choose-format") == "JSON schema")
    tab.until("stream off", lambda: not chat_controls.switch(tab, "stream").is_checked())
    assert chat_controls.chosen(tab, "choose-form") == "Messages"
    assert chat_controls.switch(tab, "raw").is_checked()
    assert "1 tool: calculator" in tab.page.inner_text("[data-testid=stSidebar]")


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


def test_they_survive_pages_reloads_and_conversations(
    visit: Visit, app: Application, upstream: Upstream
) -> None:
    tab = visit(app.url, chat_controls.set_up("Go", **ALL))
    shows_all(tab)
    tab.go("Model")
    tab.page.get_by_text("As documented on").first.wait_for()
    tab.go("Chat")
    shows_all(tab)
    tab.page.reload()
    shows_all(tab)
    upstream.plan(Whole({"response": {"kept": "1"}}), Whole({"response": {"kept": "2"}}))
    reaches(tab, upstream, **SENT)
    tab.button("New conversation").click()
    tab.key("starter0").locator("button:visible").first.wait_for()
    shows_all(tab)
    reaches(tab, upstream, **SENT)


def test_a_link_carries_them(visit: Visit, app: Application, upstream: Upstream) -> None:
    tab = visit(app.url, chat_controls.set_up("Go", **ALL))
    shows_all(tab)
    tab.button("Share").click()
    address = tab.page.locator("[data-testid=stPopoverBody] code").first.inner_text()
    other = visit(app.url, address.removeprefix(app.url), stranger=True)
    shows_all(other)
    upstream.plan(Whole({"response": {"kept": "1"}}))
    reaches(other, upstream, **SENT)


def test_a_link_carries_a_raw_prompt(visit: Visit, app: Application, upstream: Upstream) -> None:
    tab = visit(app.url)
    tab.page.goto(app.url + chat_controls.set_up("<|begin_of_text|>Once", form=Form.PROMPT, raw=True))
    tab.until("its own box", lambda: chat_controls.prompt_box(tab).input_value() == "<|begin_of_text|>Once")


@pytest.fixture
def no_presets(app: Application) -> Iterator[None]:
    """None of one's own, before and after."""

    def clear() -> None:
        with saved_outside.store(app) as store:
            for one in store.presets(LOCAL):
                store.remove_preset(LOCAL, one.id)

    clear()
    yield
    clear()


@pytest.mark.usefixtures("no_presets")
def test_a_preset_keeps_them(visit: Visit, app: Application, upstream: Upstream) -> None:
    tab = visit(app.url, chat_controls.set_up("Go", **ALL))
    shows_all(tab)
    tab.button("Presets").click()
    body = tab.page.locator("[data-testid=stPopoverBody]").filter(has_text="Keep the settings of now as")
    body.get_by_label("Keep the settings of now as").fill("All of it")
    body.get_by_role("button", name="Keep", exact=True).click()
    body.get_by_role("button", name="All of it", exact=True).wait_for()
    tab.page.keyboard.press("Escape")
    other = visit(app.url, chat_controls.set_up("Go"))
    other.rest()
    assert chat_controls.chosen(other, "choose-format") == "Text"
    other.button("Presets").click()
    other.page.get_by_role("button", name="All of it", exact=True).click()
    other.rest()
    other.page.keyboard.press("Escape")
    shows_all(other)
    upstream.plan(Whole({"response": {"kept": "1"}}))
    reaches(other, upstream, **SENT)


def test_no_editor_opens_under_an_answer(visit: Visit, app: Application, upstream: Upstream) -> None:
    """A dialog's own controls would wait for the end of the stream."""
    tab = visit(app.url, chat_controls.set_up("Go", tools=(CALCULATOR,)))
    tab.rest()
    upstream.plan(Stream(endless=True))
    tab.say("Go")
    tab.grows()
    tab.button("Edit tools").click()
    tab.page.get_by_text("An answer is coming: open the editor once it has ended.").first.wait_for()
    assert tab.page.get_by_role("dialog").count() == 0
    tab.grows()
    upstream.asked[0].release()
    tab.ended()
    tab.reads(upstream.asked[0].sent)
    tab.button("Edit tools").click()
    tab.page.get_by_role("dialog").wait_for()
