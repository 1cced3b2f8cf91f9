"""Before the send: what the page says will be sent is what is sent, with its tokens, its cost and its programs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from lib.api.request import Messages, Turn, build_request
from lib.model.pricing import format_dollars
from lib.model.request_options import Function, InputForm, ResponseFormat
from lib.preflight import token_count
from lib.tools.sample_tools import SAMPLE_TOOLS
from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab, squeeze
from tests.page.conftest import Visit
from tests.page.upstream import ACCOUNT, TOKEN, StreamReply, Upstream

SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
CALCULATOR = SAMPLE_TOOLS[0].tool
RAW = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nGrüß dich!<|eot_id|>"
SET_UPS: dict[str, dict[str, Any]] = {
    "messages": {},
    "messages, raw": {"raw": True},
    "messages, whole": {"stream": False},
    "prompt": {"form": InputForm.PROMPT},
    "prompt, raw": {"form": InputForm.PROMPT, "raw": True},
    "JSON": {"response_format": ResponseFormat()},
    "JSON schema": {"response_format": ResponseFormat(SCHEMA)},
    "tools": {"tools": tuple(one.tool for one in SAMPLE_TOOLS)},
    "functions": {"functions": (Function("shout", "({ text }) => text.toUpperCase()"),)},
    "LoRA": {"form": InputForm.PROMPT, "lora": "my-adapter"},
}


def price(prompt: int, answer: int) -> Decimal:
    """By the model page: $0.027 and $0.20 a million tokens."""
    return (prompt * Decimal("0.027") + answer * Decimal("0.20")) / 1_000_000


@pytest.mark.parametrize("what", SET_UPS)
def test_what_is_shown_arrives(visit: Visit, app: AppProcess, upstream: Upstream, what: str) -> None:
    features = SET_UPS[what]
    raw_prompt = what == "prompt, raw"
    address = chat_controls.share_address(
        RAW if raw_prompt else "Grüß “dich” & <b>\n$5", "Be brief.", **features
    )
    tab = visit(app.url)
    tab.page.goto(app.url + address)
    tab.by_key("ahead").wait_for()
    tab.wait_until_idle()
    chat_controls.open_next_send(tab)
    shown = chat_controls.wait_for_next_request(
        tab, stream=features.get("stream", True) and "response_format" not in features
    )
    if raw_prompt:
        tab.button("Send").click()
    else:
        tab.wait_until("the whole text", lambda: "dich" in str(chat_controls.next_request(tab)))
        shown = chat_controls.next_request(tab) or {}
        tab.chat_box.press("Enter")
    tab.wait_until("a request", lambda: upstream.requests)
    assert upstream.requests[0].body == shown
    assert list(upstream.requests[0].body) == list(shown)  # in that order


def test_it_is_live_while_one_writes(tab: BrowserTab, upstream: Upstream) -> None:
    tab.wait_until_idle()
    assert chat_controls.next_send_summary(tab).startswith("send Nothing to send yet")
    chat_controls.open_empty_next_send(tab)
    for text in ("Hello", "Hello there", "Hello\nthere, 日本語 <|eot_id|>"):
        tab.chat_box.fill(text)
        chat_controls.wait_for_next_request(tab, messages=[{"role": "user", "content": text}])
        count = token_count.count_prompt_tokens(
            build_request(chat_controls.MODEL, Messages((Turn("user", text),)))
        ).tokens
        left = chat_controls.MODEL.context_window - count
        tab.wait_until(
            f"{count} in",
            lambda n=count, m=left: f"≈ {n:,} tokens in · {m:,} left" in chat_controls.next_send_summary(tab),
        )
        least, most = format_dollars(price(count, 0)), format_dollars(price(count, 256))
        assert f"· {least} – {most}" in chat_controls.next_send_summary(tab)
    tab.number_box("max_tokens").fill("1000")
    tab.number_box("max_tokens").press("Enter")
    chat_controls.wait_for_next_request(tab, max_tokens=1000)
    tab.chat_box.fill("")
    tab.wait_until("nothing to send", lambda: "Nothing to send yet" in chat_controls.next_send_summary(tab))
    assert upstream.requests == []


def test_the_cost_of_many(tab: BrowserTab) -> None:
    tab.chat_box.fill("What would a million of these cost?")
    tab.wait_until("the line", lambda: "tokens in" in chat_controls.next_send_summary(tab))
    panel = chat_controls.open_next_send(tab, "Cost")
    count = token_count.count_prompt_tokens(
        build_request(chat_controls.MODEL, Messages((Turn("user", "What would a million of these cost?"),)))
    ).tokens
    expected = [
        [f"{times:,}", format_dollars(times * price(count, 0)), format_dollars(times * price(count, 256))]
        for times in (1, 1_000, 1_000_000)
    ]
    cells = panel.locator("td")
    tab.wait_until("the table", lambda: cells.count() == 9)
    words = cells.all_inner_texts()
    assert [words[at : at + 3] for at in (0, 3, 6)] == expected
    # 2,457 neurons a million tokens in, 18,252 out; 10,000 a day are free.
    least, most = (Decimal(count * 2457 + out * 18252) / 1_000_000 for out in (0, 256))
    assert f"{10_000 // most:,f} to {10_000 // least:,f} such sends" in panel.inner_text()


def test_every_program_and_never_the_token(tab: BrowserTab) -> None:
    tab.chat_box.fill("Write me")
    tab.wait_until("the line", lambda: "tokens in" in chat_controls.next_send_summary(tab))
    panel = chat_controls.open_next_send(tab, "Code")
    seen: dict[str, str] = {}
    select = tab.by_key("ahead-language").locator("[data-baseweb=select], input").first
    select.click()
    names = tab.page.get_by_role("option").all_inner_texts()
    tab.page.keyboard.press("Escape")
    assert len(names) == 6
    for name in names:
        tab.pick_option(
            tab.by_key("ahead-language").locator("[data-baseweb=select], input").first, name, exact=True
        )
        tab.wait_until(name, lambda: panel.locator("code").first.inner_text() not in seen.values())
        seen[name] = panel.locator("code").first.inner_text()
        assert "Write me" in seen[name]
        assert "CLOUDFLARE_API_TOKEN" in seen[name] or "env.AI" in seen[name], name
        assert TOKEN not in tab.page.content()
    assert any("curl" in name for name in names)


def test_what_the_model_reads(tab: BrowserTab) -> None:
    tab.chat_box.fill("Hi <b>you</b>")
    tab.wait_until("the line", lambda: "tokens in" in chat_controls.next_send_summary(tab))
    panel = chat_controls.open_next_send(tab, "What the model reads")
    text = panel.locator("pre").inner_text()
    assert text.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>")
    assert text.rstrip().endswith(
        "user<|end_header_id|>\n\nHi <b>you</b><|eot_id|><|start_header_id|>assistant<|end_header_id|>"
    )
    assert panel.locator("mark").all_inner_texts().count("<|eot_id|>") == 2
    assert "Llama 3's format" in panel.inner_text()


def test_the_panel_stays_open(tab: BrowserTab, upstream: Upstream) -> None:
    tab.chat_box.fill("First")
    tab.wait_until("the line", lambda: "tokens in" in chat_controls.next_send_summary(tab))
    panel = chat_controls.open_next_send(tab)
    is_open = panel.locator("details")
    chat_controls.wait_for_next_request(tab, messages=[{"role": "user", "content": "First"}])
    upstream.plan_replies(StreamReply(endless=True))
    tab.chat_box.press("Enter")
    tab.wait_for_growth()
    assert is_open.get_attribute("open") is not None
    assert panel.locator("[data-testid=stCode]").is_visible()
    tab.slider("temperature").press("ArrowRight")  # the page is drawn anew under the answer
    chat_controls.wait_for_next_request(tab, temperature=0.61)
    assert is_open.get_attribute("open") is not None
    upstream.requests[0].release()
    tab.wait_for_end()
    assert is_open.get_attribute("open") is not None
    tab.chat_box.fill("Second")
    tab.wait_until("the second", lambda: "Second" in str(chat_controls.next_request(tab)))
    shown = chat_controls.next_request(tab)
    tab.chat_box.press("Enter")
    tab.wait_until("it", lambda: len(upstream.requests) == 2)
    assert upstream.requests[1].body == shown
    assert [turn["role"] for turn in upstream.requests[1].body["messages"]] == ["user", "assistant", "user"]


def test_a_sent_text_is_no_longer_ahead(tab: BrowserTab, upstream: Upstream) -> None:
    """The browser tells of the emptied box only after the answer: a fragment's run waits for it."""
    upstream.plan_replies(StreamReply(endless=True))
    tab.chat_box.fill("Once")
    tab.wait_until("the line", lambda: "tokens in" in chat_controls.next_send_summary(tab))
    chat_controls.open_next_send(tab)
    tab.chat_box.press("Enter")
    tab.wait_for_growth()
    tab.wait_until(
        "once",
        lambda: [turn["content"] for turn in (chat_controls.next_request(tab) or {})["messages"]] == ["Once"],
    )
    upstream.requests[0].release()
    tab.wait_for_end()
    tab.chat_box.fill("Once")  # the same again is a text again
    tab.wait_until(
        "twice",
        lambda: (
            (chat_controls.next_request(tab) or {})["messages"][-1] == {"role": "user", "content": "Once"}
        ),
    )


def test_what_cannot_be_sent_says_why(tab: BrowserTab, upstream: Upstream) -> None:
    chat_controls.choose_form(tab, "Prompt")
    chat_controls.open_empty_next_send(tab)
    panel = tab.by_key("ahead")
    tab.wait_until("why", lambda: "The prompt is empty." in panel.inner_text())
    tab.chat_box.fill("Now")
    chat_controls.wait_for_next_request(tab, prompt="Now")
    assert "The prompt is empty." not in panel.inner_text()
    assert f"/accounts/{ACCOUNT}/ai/run/@cf/meta/llama-3.2-1b-instruct" in squeeze(panel.inner_text())
    assert upstream.requests == []
