"""The raw prompt: its own box, filled from the conversation, sent as it is, and continued after the answer."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from lib.model.request_options import InputForm
from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import TIMEOUT, BrowserTab, wait_for_value
from tests.page.conftest import Visit
from tests.page.upstream import ErrorReply, Upstream
from tests.ui.app_test_page import share_address

HEAD = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n"
TAIL = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"


@pytest.fixture
def tab(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """Open a tab that shows the box of the raw prompt."""
    address = share_address("", form=InputForm.PROMPT, raw=True)
    tab = visit(app.url, address, shows=".st-key-raw-prompt:visible textarea")
    tab.wait_until_idle()
    return tab


def send(tab: BrowserTab, upstream: Upstream) -> dict[str, object]:
    """Send the prompt in the box; return the request that arrived."""
    number = len(upstream.requests)
    tab.by_key("raw-send").get_by_role("button").click()
    return chat_controls.wait_for_reply(tab, upstream, number).body


def test_special_tokens_are_marked(tab: BrowserTab) -> None:
    chat_controls.write_prompt(tab, HEAD + "Is <b>this</b> <|eot|> one?" + TAIL)
    tab.by_key("raw-marked").locator("summary").click()
    marked = tab.by_key("raw-marked")
    tab.wait_until("the marks", lambda: marked.locator("mark").count())
    assert marked.locator("mark").all_inner_texts() == [
        "<|begin_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
    ]
    assert "Is <b>this</b> <|eot|> one?" in marked.locator("pre").inner_text()
    # The key of the message box leads here.
    tab.page.locator("#paddock-skip-links").wait_for(state="attached")
    tab.page.keyboard.press("Alt+m")
    expect(chat_controls.prompt_box(tab)).to_be_focused(timeout=TIMEOUT * 1000)


def test_the_text_survives_a_refusal_a_page_and_another_form(tab: BrowserTab, upstream: Upstream) -> None:
    text = HEAD + "Hello" + TAIL
    chat_controls.write_prompt(tab, text)
    upstream.plan_replies(ErrorReply(400, 5006, "AiError: Bad input: '/prompt' is too long"))
    send(tab, upstream)
    tab.alerts.get_by_text("5006").first.wait_for()
    wait_for_value(chat_controls.prompt_box(tab), text)
    tab.go_to_page("Model")
    tab.page.get_by_text("As documented on").first.wait_for()
    tab.go_to_page("Chat")
    tab.wait_until(
        "it is there",
        lambda: chat_controls.prompt_box(tab).count() and chat_controls.prompt_box(tab).input_value() == text,
    )
    tab.wait_until_idle()
    chat_controls.choose_form(tab, "Conversation")
    tab.chat_box.wait_for()
    chat_controls.choose_form(tab, "Single prompt")
    tab.wait_until(
        "it is back",
        lambda: chat_controls.prompt_box(tab).count() and chat_controls.prompt_box(tab).input_value() == text,
    )
