"""Options that cannot work together are named at their control before the send; a click fixes each."""

from __future__ import annotations

from typing import Any

import pytest

from lib.model.request_options import InputForm, ResponseFormat
from lib.tools.sample_tools import SAMPLE_TOOLS
from tests.page.upstream import JsonReply, Upstream
from tests.ui.app_test_page import AppTestPage, share_address

CALCULATOR = SAMPLE_TOOLS[0].tool
SCHEMA = ResponseFormat('{"type": "object"}')

# What is chosen; the control that names the conflict; its words; the fix; what the request then has and has not.
CASES: dict[str, tuple[dict[str, Any], str, str, str, dict[str, Any], set[str]]] = {
    "schema and stream": (
        {"response_format": SCHEMA},
        "stream",
        "cannot appear while it is written (Cloudflare's code 5023)",
        "Turn Stream off",
        {"stream": False},
        set(),
    ),
    "JSON mode that the model is not listed for": (
        {"response_format": SCHEMA, "stream": False},
        "response_format",
        "it may answer in plain text",
        "Answer as text",
        {"stream": False},
        {"response_format"},
    ),
    "LoRA and messages": (
        {"lora": "mine"},
        "lora",
        "An adapter works only with a single prompt",
        "Ask with a single prompt",
        {"lora": "mine", "prompt": "Go"},
        {"messages"},
    ),
    "tools and a prompt": (
        {"form": InputForm.PROMPT, "tools": (CALCULATOR,)},
        "tools",
        "Tools and functions work only in a conversation",
        "Ask in a conversation",
        {"messages": [{"role": "user", "content": "Go"}]},
        {"prompt"},
    ),
    "raw and tools": (
        {"raw": True, "tools": (CALCULATOR,)},
        "tools",
        "Without the template the model does not see the tools",
        "Turn No template off",
        {},
        {"raw"},
    ),
    "LoRA on a model that takes none": (
        {"form": InputForm.PROMPT, "lora": "mine"},
        "lora",
        "will probably refuse this one (code 5005)",
        "Send no adapter",
        {"prompt": "Go"},
        {"lora"},
    ),
    "raw messages without special tokens": (
        {"raw": True},
        "raw",
        "The text has no marks of the model's chat format",
        "Turn No template off",
        {"messages": [{"role": "user", "content": "Go"}]},
        {"raw"},
    ),
}


def conflict_boxes(page: AppTestPage, control: str) -> list[Any]:
    """Return the boxes with conflicts at that control."""
    return page.by_keys(rf"^mend-{control}-\d+$")


def conflict_texts(page: AppTestPage, control: str) -> list[str]:
    """Return the conflicts named at that control, each with its button."""
    return [page.text(box) for box in conflict_boxes(page, control)]


def click_fix(page: AppTestPage, control: str, words: str, label: str) -> None:
    """Click the button that fixes a conflict; then it is no longer named."""
    (box,) = (box for box in conflict_boxes(page, control) if words in page.text(box))
    assert box.button[0].label == label
    page.click(f"{box.key}-now")
    assert not any(words in text for text in conflict_texts(page, control))


@pytest.mark.parametrize("what", CASES)
def test_one_click_fixes_it(upstream: Upstream, what: str) -> None:
    chosen, control, words, label, has, lacks = CASES[what]
    page = AppTestPage(share_address("Go", **chosen)).write("Go")
    assert "warning" in page.next_send_summary
    click_fix(page, control, words, label)
    upstream.plan_replies(JsonReply({"response": "Well."}))
    page.send()
    body = upstream.requests[0].body
    assert has.items() <= body.items()
    assert not lacks & set(body)


def test_a_raw_prompt_without_special_tokens_is_laid_out(upstream: Upstream) -> None:
    page = AppTestPage().send("Where is Lisbon?")
    page.choose("choose-form", InputForm.PROMPT)
    page.choose("choose-raw", True)
    page.choose("raw-prompt", "Where is Porto?")
    assert "The text has no marks of the model's chat format" in conflict_texts(page, "raw")[0]
    click_fix(page, "raw", "has no marks", "Write the prompt again")
    text = page.by_key("raw-prompt").value
    assert text.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>")
    assert text.endswith(
        "user<|end_header_id|>\n\nWhere is Lisbon?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert conflict_texts(page, "raw") == []


def send_parameter(page: AppTestPage, name: str, value: float) -> AppTestPage:
    """Let that parameter be sent with that value."""
    if not page.by_key(f"{name}-send").value:
        page.choose(f"{name}-send", True)
    return page.choose(f"{name}-number", value)


def test_a_seed_at_temperature_0(upstream: Upstream) -> None:
    page = send_parameter(AppTestPage(), "seed", 7)
    assert conflict_texts(page, "seed") == []
    send_parameter(page, "temperature", 0)
    assert "answers barely vary; seed has no effect." in conflict_texts(page, "seed")[0]
    click_fix(page, "seed", "has no effect", "Turn it off")
    page.send()
    assert upstream.requests[0].body["temperature"] == 0
    assert "seed" not in upstream.requests[0].body


@pytest.mark.parametrize("name", ["repetition_penalty", "frequency_penalty", "presence_penalty"])
def test_a_penalty_that_does_nothing(upstream: Upstream, name: str) -> None:
    page = send_parameter(AppTestPage(), name, 1 if name == "repetition_penalty" else 0)
    assert "it has no effect." in conflict_texts(page, name)[0]
    click_fix(page, name, "has no effect", "Turn it off")
    page.send()
    assert name not in upstream.requests[0].body


def test_max_tokens_beyond_what_is_left(upstream: Upstream) -> None:
    page = send_parameter(AppTestPage(), "max_tokens", 60_000).write("Go")
    summary = page.next_send_summary
    assert "tokens to read" in summary
    assert "in the answer; you allow 60,000." in conflict_texts(page, "max_tokens")[0]
    left = int(summary.partition(" to write")[0].rpartition(" ")[2].replace(",", ""))
    click_fix(page, "max_tokens", "you allow", f"Lower it to {left:,}")
    assert page.by_key("max_tokens-number").value == left
    page.send()
    assert upstream.requests[0].body["max_tokens"] == left
