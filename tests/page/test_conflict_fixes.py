"""What cannot work together, said at its control before anything is sent; and the one click that mends it."""

from __future__ import annotations

from typing import Any

import pytest

from lib.model.request_options import Form, ResponseFormat
from lib.tools.sample_tools import SAMPLES
from tests.page import chat_controls
from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.upstream import Upstream, Whole
from tests.page.visitor import Visitor, holds, squeezed

CALCULATOR = SAMPLES[0].tool
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
        {"form": Form.PROMPT, "tools": (CALCULATOR,)},
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
        {"form": Form.PROMPT, "lora": "mine"},
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


def said(tab: Visitor, at: str) -> list[str]:
    """What is said at that control, with its button."""
    return [squeezed(text) for text in tab.page.locator(f"[class*='st-key-mend-{at}-']").all_inner_texts()]


def hears(tab: Visitor, at: str, words: str) -> None:
    """Wait until it is said there."""
    tab.until(words, lambda: any(words in text for text in said(tab, at)))
    tab.rest()


def mend(tab: Visitor, at: str, words: str, click: str) -> None:
    """Click on what mends it; then it is no longer said."""
    place = tab.page.locator(f"[class*='st-key-mend-{at}-']:not([class*='-now'])").filter(has_text=words)
    place.get_by_role("button", name=click).first.click()
    tab.until("it is mended", lambda: not any(words in text for text in said(tab, at)))
    tab.rest()


@pytest.mark.parametrize("what", CASES)
def test_one_click_mends_it(visit: Visit, app: Application, upstream: Upstream, what: str) -> None:
    chosen, at, words, click, has, lacks = CASES[what]
    tab = visit(app.url, chat_controls.set_up("Go", **chosen))
    hears(tab, at, words)
    tab.until("a sign in the line", lambda: "warning" in chat_controls.line(tab))
    mend(tab, at, words, click)
    upstream.plan(Whole({"response": "Well."}))
    body = chat_controls.asked(tab, upstream).body
    assert has.items() <= body.items()
    assert not lacks & set(body)


def test_a_raw_prompt_without_special_tokens_is_laid_out(
    visit: Visit, app: Application, upstream: Upstream
) -> None:
    tab = visit(app.url)
    chat_controls.asked(tab, upstream, "Where is Lisbon?")
    chat_controls.form(tab, "Prompt")
    chat_controls.flip(tab, "raw")
    chat_controls.write_prompt(tab, "Where is Porto?")
    hears(tab, "raw", "No special token of the model's format")
    mend(tab, "raw", "No special token", "Lay the prompt out anew")
    text = chat_controls.prompt_box(tab).input_value()
    assert text.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>")
    assert text.endswith(
        "user<|end_header_id|>\n\nWhere is Lisbon?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert said(tab, "raw") == []


def put(tab: Visitor, name: str, value: str) -> None:
    """Send that parameter with that value."""
    if not tab.switch(name).is_checked():
        tab.flip(name)
        tab.number(name).wait_for()
    tab.number(name).fill(value)
    tab.number(name).press("Enter")
    tab.rest()


def test_a_seed_at_temperature_0(tab: Visitor, upstream: Upstream) -> None:
    tab.rest()
    put(tab, "seed", "7")
    assert said(tab, "seed") == []
    put(tab, "temperature", "0")
    hears(tab, "seed", "the likeliest token is always taken: seed does nothing.")
    mend(tab, "seed", "does nothing", "Do not send it")
    body = chat_controls.asked(tab, upstream).body
    assert body["temperature"] == 0
    assert "seed" not in body


@pytest.mark.parametrize("name", ["repetition_penalty", "frequency_penalty", "presence_penalty"])
def test_a_penalty_that_does_nothing(tab: Visitor, upstream: Upstream, name: str) -> None:
    tab.rest()
    put(tab, name, "1" if name == "repetition_penalty" else "0")
    hears(tab, name, "it changes nothing.")
    mend(tab, name, "changes nothing", "Do not send it")
    assert name not in chat_controls.asked(tab, upstream).body


def test_max_tokens_beyond_what_is_left(tab: Visitor, upstream: Upstream) -> None:
    tab.rest()
    put(tab, "max_tokens", "60000")
    tab.box.fill("Go")
    tab.until("the count", lambda: "tokens in" in chat_controls.line(tab))
    hears(tab, "max_tokens", "of the context; 60,000 are asked for.")
    left = int(chat_controls.line(tab).partition(" left")[0].rpartition(" ")[2].replace(",", ""))
    mend(tab, "max_tokens", "are asked for", f"Lower it to {left:,}")
    holds(tab.number("max_tokens"), str(left))
    assert chat_controls.asked(tab, upstream).body["max_tokens"] == left


def test_the_panel_mends_as_well(visit: Visit, app: Application, upstream: Upstream) -> None:
    tab = visit(app.url, chat_controls.set_up("Go", response_format=SCHEMA))
    hears(tab, "stream", "cannot be streamed")
    chat_controls.open_panel(tab)
    tab.key("ahead").get_by_role("button", name="Switch streaming off").click()
    tab.until("the control follows", lambda: not chat_controls.switch(tab, "stream").is_checked())
    tab.until("it is mended", lambda: not said(tab, "stream"))
    assert tab.key("ahead").locator("details").get_attribute("open") is not None


def test_what_is_typed_brings_and_takes_it(tab: Visitor, upstream: Upstream) -> None:
    """At the control too, which stands outside of what is drawn anew at each pause."""
    tab.rest()
    chat_controls.flip(tab, "raw")
    assert said(tab, "raw") == []  # nothing to send yet
    tab.box.fill("Hello")
    hears(tab, "raw", "No special token of the model's format")
    tab.box.fill("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n<|eot_id|>")
    tab.until("another", lambda: not any("No special token" in text for text in said(tab, "raw")))
    assert tab.box.input_value().startswith("<|begin_of_text|>")
    assert upstream.asked == []
