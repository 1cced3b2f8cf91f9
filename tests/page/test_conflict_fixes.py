"""What cannot work together, said at its control before anything is sent; and the one click that mends it."""

from __future__ import annotations

from typing import Any

import pytest

from lib.model.request_options import InputForm, ResponseFormat
from lib.tools.sample_tools import SAMPLE_TOOLS
from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab, squeeze, wait_for_value
from tests.page.conftest import Visit
from tests.page.upstream import JsonReply, Upstream

CALCULATOR = SAMPLE_TOOLS[0].tool
SCHEMA = ResponseFormat('{"type": "object"}')

# What is chosen; at which control it is said; what is said; the click; what the request then has and has not.
CASES: dict[str, tuple[dict[str, Any], str, str, str, dict[str, Any], set[str]]] = {
    "schema and stream": (
        {"response_format": SCHEMA},
        "stream",
        "cannot be streamed (Cloudflare's code 5023)",
        "Switch streaming off",
        {"stream": False},
        set(),
    ),
    "JSON mode that the model is not listed for": (
        {"response_format": SCHEMA, "stream": False},
        "response_format",
        "it may be ignored there",
        "Leave JSON mode",
        {"stream": False},
        {"response_format"},
    ),
    "LoRA and messages": (
        {"lora": "mine"},
        "lora",
        "An adapter stands on the prompt form alone",
        "Use the prompt form",
        {"lora": "mine", "prompt": "Go"},
        {"messages"},
    ),
    "tools and a prompt": (
        {"form": InputForm.PROMPT, "tools": (CALCULATOR,)},
        "tools",
        "Tools and functions stand on the messages form",
        "Use the messages form",
        {"messages": [{"role": "user", "content": "Go"}]},
        {"prompt"},
    ),
    "raw and tools": (
        {"raw": True, "tools": (CALCULATOR,)},
        "tools",
        "A raw request has no chat template",
        "Switch raw off",
        {},
        {"raw"},
    ),
    "LoRA on a model that takes none": (
        {"form": InputForm.PROMPT, "lora": "mine"},
        "lora",
        "expect Cloudflare to refuse it (5005)",
        "Send no adapter",
        {"prompt": "Go"},
        {"lora"},
    ),
    "raw messages without special tokens": (
        {"raw": True},
        "raw",
        "No special token of the model's format",
        "Switch raw off",
        {"messages": [{"role": "user", "content": "Go"}]},
        {"raw"},
    ),
}


def conflict_texts(tab: BrowserTab, at: str) -> list[str]:
    """What is said at that control, with its button."""
    return [squeeze(text) for text in tab.page.locator(f"[class*='st-key-mend-{at}-']").all_inner_texts()]


def wait_for_conflict(tab: BrowserTab, at: str, words: str) -> None:
    """Wait until it is said there."""
    tab.wait_until(words, lambda: any(words in text for text in conflict_texts(tab, at)))
    tab.wait_until_idle()


def click_fix(tab: BrowserTab, at: str, words: str, click: str) -> None:
    """Click on what mends it; then it is no longer said."""
    place = tab.page.locator(f"[class*='st-key-mend-{at}-']:not([class*='-now'])").filter(has_text=words)
    place.get_by_role("button", name=click).first.click()
    tab.wait_until("it is mended", lambda: not any(words in text for text in conflict_texts(tab, at)))
    tab.wait_until_idle()


@pytest.mark.parametrize("what", CASES)
def test_one_click_mends_it(visit: Visit, app: AppProcess, upstream: Upstream, what: str) -> None:
    chosen, at, words, click, has, lacks = CASES[what]
    tab = visit(app.url, chat_controls.share_address("Go", **chosen))
    wait_for_conflict(tab, at, words)
    tab.wait_until("a sign in the line", lambda: "warning" in chat_controls.next_send_summary(tab))
    click_fix(tab, at, words, click)
    upstream.plan_replies(JsonReply({"response": "Well."}))
    body = chat_controls.send_message(tab, upstream).body
    assert has.items() <= body.items()
    assert not lacks & set(body)


def test_a_raw_prompt_without_special_tokens_is_laid_out(
    visit: Visit, app: AppProcess, upstream: Upstream
) -> None:
    tab = visit(app.url)
    chat_controls.send_message(tab, upstream, "Where is Lisbon?")
    chat_controls.choose_form(tab, "Prompt")
    chat_controls.toggle_option(tab, "raw")
    chat_controls.write_prompt(tab, "Where is Porto?")
    wait_for_conflict(tab, "raw", "No special token of the model's format")
    click_fix(tab, "raw", "No special token", "Lay the prompt out anew")
    text = chat_controls.prompt_box(tab).input_value()
    assert text.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>")
    assert text.endswith(
        "user<|end_header_id|>\n\nWhere is Lisbon?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert conflict_texts(tab, "raw") == []


def set_parameter(tab: BrowserTab, name: str, value: str) -> None:
    """Send that parameter with that value."""
    if not tab.parameter_switch(name).is_checked():
        tab.toggle_parameter(name)
        tab.number_box(name).wait_for()
    tab.number_box(name).fill(value)
    tab.number_box(name).press("Enter")
    tab.wait_until_idle()


def test_a_seed_at_temperature_0(tab: BrowserTab, upstream: Upstream) -> None:
    tab.wait_until_idle()
    set_parameter(tab, "seed", "7")
    assert conflict_texts(tab, "seed") == []
    set_parameter(tab, "temperature", "0")
    wait_for_conflict(tab, "seed", "the likeliest token is always taken: seed does nothing.")
    click_fix(tab, "seed", "does nothing", "Do not send it")
    body = chat_controls.send_message(tab, upstream).body
    assert body["temperature"] == 0
    assert "seed" not in body


@pytest.mark.parametrize("name", ["repetition_penalty", "frequency_penalty", "presence_penalty"])
def test_a_penalty_that_does_nothing(tab: BrowserTab, upstream: Upstream, name: str) -> None:
    tab.wait_until_idle()
    set_parameter(tab, name, "1" if name == "repetition_penalty" else "0")
    wait_for_conflict(tab, name, "it changes nothing.")
    click_fix(tab, name, "changes nothing", "Do not send it")
    assert name not in chat_controls.send_message(tab, upstream).body


def test_max_tokens_beyond_what_is_left(tab: BrowserTab, upstream: Upstream) -> None:
    tab.wait_until_idle()
    set_parameter(tab, "max_tokens", "60000")
    tab.chat_box.fill("Go")
    tab.wait_until("the count", lambda: "tokens in" in chat_controls.next_send_summary(tab))
    wait_for_conflict(tab, "max_tokens", "of the context; 60,000 are asked for.")
    left = int(chat_controls.next_send_summary(tab).partition(" left")[0].rpartition(" ")[2].replace(",", ""))
    click_fix(tab, "max_tokens", "are asked for", f"Lower it to {left:,}")
    wait_for_value(tab.number_box("max_tokens"), str(left))
    assert chat_controls.send_message(tab, upstream).body["max_tokens"] == left


def test_the_panel_mends_as_well(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    tab = visit(app.url, chat_controls.share_address("Go", response_format=SCHEMA))
    wait_for_conflict(tab, "stream", "cannot be streamed")
    chat_controls.open_next_send(tab)
    tab.by_key("ahead").get_by_role("button", name="Switch streaming off").click()
    tab.wait_until("the control follows", lambda: not chat_controls.option_switch(tab, "stream").is_checked())
    tab.wait_until("it is mended", lambda: not conflict_texts(tab, "stream"))
    assert tab.by_key("ahead").locator("details").get_attribute("open") is not None


def test_what_is_typed_brings_and_takes_it(tab: BrowserTab, upstream: Upstream) -> None:
    """At the control too, which stands outside of what is drawn anew at each pause."""
    tab.wait_until_idle()
    chat_controls.toggle_option(tab, "raw")
    assert conflict_texts(tab, "raw") == []  # nothing to send yet
    tab.chat_box.fill("Hello")
    wait_for_conflict(tab, "raw", "No special token of the model's format")
    tab.chat_box.fill("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n<|eot_id|>")
    tab.wait_until(
        "another", lambda: not any("No special token" in text for text in conflict_texts(tab, "raw"))
    )
    assert tab.chat_box.input_value().startswith("<|begin_of_text|>")
    assert upstream.requests == []
