"""The page on the real twin: JSON mode, a round of tools, an adapter, a raw prompt, and token counts before sends."""

from __future__ import annotations

import json
import re

import pytest

from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit

# Seconds. A busy machine takes long to decide on a tool.
PATIENCE = 90.0


@pytest.fixture
def page(visit: Visit, twin_app: AppProcess) -> BrowserTab:
    """Open a new conversation on the running twin, at temperature 0 so that answers repeat."""
    tab = visit(twin_app.url)
    tab.wait_until("the twin is up", lambda: "on this computer" in tab.by_key("place").inner_text(), 60)
    tab.number_box("temperature").fill("0")
    tab.number_box("temperature").press("Enter")
    tab.wait_until_idle()
    return tab


def pick(tab: BrowserTab, control: str, name: str) -> None:
    """Click a choice of a segmented control, or the label of a toggle."""
    tab.by_key(f"choose-{control}").get_by_text(name, exact=True).click()
    tab.wait_until_idle()


def foreseen(tab: BrowserTab) -> int:
    """Return the input tokens in the line above the message box, once they are the twin's own count."""
    line = tab.by_key("ahead")
    count = tab.wait_until(
        "an exact count",
        lambda: re.search(r"Your next message · ([\d,]+) tokens to read", line.inner_text()),
        30,
    )
    return int(count[1].replace(",", ""))


def asked(tab: BrowserTab, text: str, how: str = "finished") -> None:
    """Type the text, read its count, send it, and compare the count with the answer's."""
    before = tab.answers.count()
    tab.wait_until_idle()
    sent = tab.message_count
    tab.chat_box.fill(text)
    tab.wait_until("the draft is counted", lambda: "Your next message" in tab.by_key("ahead").inner_text())
    tab.wait_until("the draft is sent to be counted", lambda: tab.message_count > sent)
    tab.wait_until_idle()
    tokens = foreseen(tab)
    tab.chat_box.press("Enter")
    tab.wait_until(
        "the answer", lambda: tab.answers.count() > before and how in tab.figures(before), PATIENCE
    )
    assert tab.figures(before).startswith(f"read {tokens:,} · ")


def test_the_count_before_is_the_count_after(page: BrowserTab) -> None:
    page.by_key("system").locator("textarea").fill("Be brief. ünï 🦊")
    page.by_key("system").locator("textarea").press("Control+Enter")
    asked(page, "Name a fox.\nIn one word: 🦊", how=" tokens · ")
    asked(page, "Another one <|im_start|>", how=" tokens · ")


def test_json_mode(page: BrowserTab) -> None:
    pick(page, "format", "JSON with fields")
    page.button("Turn Stream off").click()
    page.wait_until_idle()
    asked(page, "Invent a person of 30 years who speaks French.")
    answer = page.answers.first
    answer.get_by_text("Valid:").wait_for()
    answer.get_by_text("Text", exact=True).click()
    page.wait_until_idle()
    value = json.loads(answer.locator("[data-testid=stCode] code").first.inner_text())
    assert isinstance(value["name"], str)
    assert isinstance(value["age"], int)


def test_an_adapter_is_seen(page: BrowserTab) -> None:
    pick(page, "form", "Single prompt")
    page.pick_option(page.by_key("choose-lora").locator("input"), "pirate")
    page.page.get_by_text("Answers like a pirate").wait_for()
    asked(page, "Who was Isaac Newton?", how=" tokens · ")
    assert re.search(r"\b(arr|matey|aye|ye|be)\b", page.answer_text().lower())


def test_a_raw_prompt_in_the_models_own_format(page: BrowserTab) -> None:
    page.by_key("system").locator("textarea").fill("Be kind.")
    pick(page, "form", "Single prompt")
    page.by_key("choose-raw").locator("label").first.click()
    page.wait_until_idle()
    page.page.get_by_text("In the chat format of ChatML").wait_for()
    page.button("Fill in the conversation").click()
    box = page.by_key("raw-prompt").locator("textarea")
    page.wait_until(
        "it is laid out", lambda: box.input_value().startswith("<|im_start|>system\nBe kind.<|im_end|>")
    )
    assert box.input_value().endswith("<|im_end|>\n<|im_start|>assistant\n")
    tokens = foreseen(page)
    page.by_key("raw-send").locator("button").click()
    page.wait_until("the answer", lambda: " tokens · " in page.figures(), PATIENCE)
    assert page.figures().startswith(f"read {tokens:,} · ")
    page.wait_until_idle()
    box.fill("<|im_start|>user\nHi")
    box.press("Tab")
    page.by_key("choose-raw").wait_for()
    page.page.get_by_text("The beginning of the answer is missing").first.wait_for()


def test_tools_that_run_by_themselves(page: BrowserTab) -> None:
    page.button("Edit tools").click()
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Weather").click()
    dialog.locator("input[value=weather]").first.wait_for()
    page.wait_until_idle()
    dialog.get_by_label("Close").click()
    page.page.get_by_text("1 tool: weather").first.wait_for()
    page.wait_until_idle()
    page.by_key("choose-auto").locator("label").first.click()
    page.wait_until_idle()
    page.chat_box.fill("What is the weather in Paris?")
    page.chat_box.press("Enter")
    page.wait_until("the model goes on from the result", lambda: page.answers.count() == 2, PATIENCE)
    page.wait_until("it ends", lambda: " tokens · " in page.figures(1), PATIENCE)
    assert "asks for a tool" in page.figures(0)
    card = page.answers.first
    card.get_by_text("Fits the tool").first.wait_for()
    assert "Paris" in card.inner_text()
    assert '"sky"' in card.inner_text()
