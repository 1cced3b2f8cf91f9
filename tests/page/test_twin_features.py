"""The page on the real twin: JSON mode, a round of tools, an adapter, a raw prompt, the count before each send."""

from __future__ import annotations

import json
import re

import pytest

from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

PATIENCE = 90.0  # a busy machine decides on a tool for long


@pytest.fixture
def page(visit: Visit, twin_app: Application) -> Visitor:
    """A new conversation on the twin, which is up; at temperature 0, so that what comes once comes always."""
    tab = visit(twin_app.url)
    tab.until("the twin is up", lambda: "on this machine, free" in tab.key("place").inner_text(), 60)
    tab.number("temperature").fill("0")
    tab.number("temperature").press("Enter")
    tab.rest()
    return tab


def pick(tab: Visitor, control: str, name: str) -> None:
    """One of a segmented control's choices, or the label of a toggle."""
    tab.key(f"choose-{control}").get_by_text(name, exact=True).click()
    tab.rest()


def foreseen(tab: Visitor) -> int:
    """The tokens in that the line above the message box tells, once they are the twin's own count."""
    line = tab.key("ahead")
    found = tab.until(
        "an exact count", lambda: re.search(r"Next send · ([\d,]+) tokens in", line.inner_text()), 30
    )
    return int(found[1].replace(",", ""))


def asked(tab: Visitor, text: str, how: str = "finished") -> None:
    """Type it, see its count, send it; the count is the one that the answer reports."""
    before = tab.answers.count()
    tab.box.fill(text)
    tab.until("the draft is counted", lambda: "Next send" in tab.key("ahead").inner_text())
    tab.page.wait_for_timeout(1500)  # the pause after which a draft is counted, and the answer to it
    tokens = foreseen(tab)
    tab.box.press("Enter")
    tab.until("the answer", lambda: tab.answers.count() > before and how in tab.figures(before), PATIENCE)
    assert tab.figures(before).startswith(f"{tokens:,} in")


def test_the_count_before_is_the_count_after(page: Visitor) -> None:
    page.key("system").locator("textarea").fill("Be brief. ünï 🦊")
    asked(page, "Name a fox.\nIn one word: 🦊", how=" out · ")
    asked(page, "Another one <|im_start|>", how=" out · ")


def test_json_mode(page: Visitor) -> None:
    pick(page, "format", "JSON schema")
    page.button("Switch streaming off").click()
    page.rest()
    asked(page, "Invent a person of 30 years who speaks French.")
    answer = page.answers.first
    answer.get_by_text("Valid JSON").wait_for()
    answer.get_by_text("Text", exact=True).click()
    page.rest()
    value = json.loads(answer.locator("[data-testid=stCode] code").first.inner_text())
    assert isinstance(value["name"], str)
    assert isinstance(value["age"], int)


def test_an_adapter_is_seen(page: Visitor) -> None:
    pick(page, "form", "Prompt")
    page.pick(page.key("choose-lora").locator("input"), "pirate")
    page.page.get_by_text("Answers like a pirate").wait_for()
    asked(page, "Who was Isaac Newton?", how=" out · ")
    assert re.search(r"\b(arr|matey|aye|ye|be)\b", page.text().lower())


def test_a_raw_prompt_in_the_models_own_format(page: Visitor) -> None:
    page.key("system").locator("textarea").fill("Be kind.")
    pick(page, "form", "Prompt")
    page.key("choose-raw").locator("label").first.click()
    page.rest()
    page.page.get_by_text("In ChatML's format").wait_for()
    page.button("Lay out the conversation").click()
    box = page.key("raw-prompt").locator("textarea")
    page.until(
        "it is laid out", lambda: box.input_value().startswith("<|im_start|>system\nBe kind.<|im_end|>")
    )
    assert box.input_value().endswith("<|im_end|>\n<|im_start|>assistant\n")
    tokens = foreseen(page)
    page.key("raw-send").locator("button").click()
    page.until("the answer", lambda: " out · " in page.figures(), PATIENCE)
    assert page.figures().startswith(f"{tokens:,} in")
    page.rest()
    box.fill("<|im_start|>user\nHi")
    box.press("Tab")
    page.key("choose-raw").wait_for()
    page.page.get_by_text("The beginning of the assistant's turn is missing").first.wait_for()


def test_tools_that_run_by_themselves(page: Visitor) -> None:
    page.button("Edit tools").click()
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Weather").click()
    dialog.locator("input[value=weather]").first.wait_for()
    page.rest()
    dialog.get_by_label("Close").click()
    page.page.get_by_text("1 tool: weather").first.wait_for()
    page.rest()
    page.key("choose-auto").locator("label").first.click()
    page.rest()
    page.box.fill("What is the weather in Paris?")
    page.box.press("Enter")
    page.until("the model goes on from the result", lambda: page.answers.count() == 2, PATIENCE)
    page.until("it ends", lambda: " out · " in page.figures(1), PATIENCE)
    assert "calls tools" in page.figures(0)
    card = page.answers.first
    card.get_by_text("Fits the tool").first.wait_for()
    assert "Paris" in card.inner_text()
    assert '"sky"' in card.inner_text()
