"""Before the send: what the page says will be sent is what is sent, with its tokens, its cost and its programs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from lib.api.request import Messages, Turn, build
from lib.model.pricing import show_dollars
from lib.model.request_options import Form, Function, ResponseFormat
from lib.preflight import token_count
from lib.tools.sample_tools import SAMPLES
from tests.page import chat_controls
from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.upstream import ACCOUNT, TOKEN, Stream, Upstream
from tests.page.visitor import Visitor, squeezed

SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
CALCULATOR = SAMPLES[0].tool
RAW = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nGrüß dich!<|eot_id|>"
SET_UPS: dict[str, dict[str, Any]] = {
    "messages": {},
    "messages, raw": {"raw": True},
    "messages, whole": {"stream": False},
    "prompt": {"form": Form.PROMPT},
    "prompt, raw": {"form": Form.PROMPT, "raw": True},
    "JSON": {"response_format": ResponseFormat()},
    "JSON schema": {"response_format": ResponseFormat(SCHEMA)},
    "tools": {"tools": tuple(one.tool for one in SAMPLES)},
    "functions": {"functions": (Function("shout", "({ text }) => text.toUpperCase()"),)},
    "LoRA": {"form": Form.PROMPT, "lora": "my-adapter"},
}


def price(prompt: int, answer: int) -> Decimal:
    """By the model page: $0.027 and $0.20 a million tokens."""
    return (prompt * Decimal("0.027") + answer * Decimal("0.20")) / 1_000_000


@pytest.mark.parametrize("what", SET_UPS)
def test_what_is_shown_arrives(visit: Visit, app: Application, upstream: Upstream, what: str) -> None:
    features = SET_UPS[what]
    raw_prompt = what == "prompt, raw"
    address = chat_controls.set_up(RAW if raw_prompt else "Grüß “dich” & <b>\n$5", "Be brief.", **features)
    tab = visit(app.url)
    tab.page.goto(app.url + address)
    tab.key("ahead").wait_for()
    tab.rest()
    chat_controls.open_panel(tab)
    shown = chat_controls.foretells(
        tab, stream=features.get("stream", True) and "response_format" not in features
    )
    if raw_prompt:
        tab.button("Send").click()
    else:
        tab.until("the whole text", lambda: "dich" in str(chat_controls.ahead(tab)))
        shown = chat_controls.ahead(tab) or {}
        tab.box.press("Enter")
    tab.until("a request", lambda: upstream.asked)
    assert upstream.asked[0].body == shown
    assert list(upstream.asked[0].body) == list(shown)  # in that order


def test_it_is_live_while_one_writes(tab: Visitor, upstream: Upstream) -> None:
    tab.rest()
    assert chat_controls.line(tab).startswith("send Nothing to send yet")
    chat_controls.open_panel_of_nothing(tab)
    for text in ("Hello", "Hello there", "Hello\nthere, 日本語 <|eot_id|>"):
        tab.box.fill(text)
        chat_controls.foretells(tab, messages=[{"role": "user", "content": text}])
        count = token_count.count(build(chat_controls.MODEL, Messages((Turn("user", text),)))).tokens
        left = chat_controls.MODEL.context_window - count
        tab.until(
            f"{count} in",
            lambda n=count, m=left: f"≈ {n:,} tokens in · {m:,} left" in chat_controls.line(tab),
        )
        least, most = show_dollars(price(count, 0)), show_dollars(price(count, 256))
        assert f"· {least} – {most}" in chat_controls.line(tab)
    tab.number("max_tokens").fill("1000")
    tab.number("max_tokens").press("Enter")
    chat_controls.foretells(tab, max_tokens=1000)
    tab.box.fill("")
    tab.until("nothing to send", lambda: "Nothing to send yet" in chat_controls.line(tab))
    assert upstream.asked == []


def test_the_cost_of_many(tab: Visitor) -> None:
    tab.box.fill("What would a million of these cost?")
    tab.until("the line", lambda: "tokens in" in chat_controls.line(tab))
    panel = chat_controls.open_panel(tab, "Cost")
    count = token_count.count(
        build(chat_controls.MODEL, Messages((Turn("user", "What would a million of these cost?"),)))
    ).tokens
    expected = [
        [f"{times:,}", show_dollars(times * price(count, 0)), show_dollars(times * price(count, 256))]
        for times in (1, 1_000, 1_000_000)
    ]
    cells = panel.locator("td")
    tab.until("the table", lambda: cells.count() == 9)
    words = cells.all_inner_texts()
    assert [words[at : at + 3] for at in (0, 3, 6)] == expected
    # 2,457 neurons a million tokens in, 18,252 out; 10,000 a day are free.
    least, most = (Decimal(count * 2457 + out * 18252) / 1_000_000 for out in (0, 256))
    assert f"{10_000 // most:,f} to {10_000 // least:,f} such sends" in panel.inner_text()


def test_every_program_and_never_the_token(tab: Visitor) -> None:
    tab.box.fill("Write me")
    tab.until("the line", lambda: "tokens in" in chat_controls.line(tab))
    panel = chat_controls.open_panel(tab, "Code")
    seen: dict[str, str] = {}
    select = tab.key("ahead-language").locator("[data-baseweb=select], input").first
    select.click()
    names = tab.page.get_by_role("option").all_inner_texts()
    tab.page.keyboard.press("Escape")
    assert len(names) == 6
    for name in names:
        tab.pick(tab.key("ahead-language").locator("[data-baseweb=select], input").first, name, exact=True)
        tab.until(name, lambda: panel.locator("code").first.inner_text() not in seen.values())
        seen[name] = panel.locator("code").first.inner_text()
        assert "Write me" in seen[name]
        assert "CLOUDFLARE_API_TOKEN" in seen[name] or "env.AI" in seen[name], name
        assert TOKEN not in tab.page.content()
    assert any("curl" in name for name in names)


def test_what_the_model_reads(tab: Visitor) -> None:
    tab.box.fill("Hi <b>you</b>")
    tab.until("the line", lambda: "tokens in" in chat_controls.line(tab))
    panel = chat_controls.open_panel(tab, "What the model reads")
    text = panel.locator("pre").inner_text()
    assert text.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>")
    assert text.rstrip().endswith(
        "user<|end_header_id|>\n\nHi <b>you</b><|eot_id|><|start_header_id|>assistant<|end_header_id|>"
    )
    assert panel.locator("mark").all_inner_texts().count("<|eot_id|>") == 2
    assert "Llama 3's format" in panel.inner_text()


def test_the_panel_stays_open(tab: Visitor, upstream: Upstream) -> None:
    tab.box.fill("First")
    tab.until("the line", lambda: "tokens in" in chat_controls.line(tab))
    panel = chat_controls.open_panel(tab)
    is_open = panel.locator("details")
    chat_controls.foretells(tab, messages=[{"role": "user", "content": "First"}])
    upstream.plan(Stream(endless=True))
    tab.box.press("Enter")
    tab.grows()
    assert is_open.get_attribute("open") is not None
    assert panel.locator("[data-testid=stCode]").is_visible()
    tab.slider("temperature").press("ArrowRight")  # the page is drawn anew under the answer
    chat_controls.foretells(tab, temperature=0.61)
    assert is_open.get_attribute("open") is not None
    upstream.asked[0].release()
    tab.ended()
    assert is_open.get_attribute("open") is not None
    tab.box.fill("Second")
    tab.until("the second", lambda: "Second" in str(chat_controls.ahead(tab)))
    shown = chat_controls.ahead(tab)
    tab.box.press("Enter")
    tab.until("it", lambda: len(upstream.asked) == 2)
    assert upstream.asked[1].body == shown
    assert [turn["role"] for turn in upstream.asked[1].body["messages"]] == ["user", "assistant", "user"]


def test_a_sent_text_is_no_longer_ahead(tab: Visitor, upstream: Upstream) -> None:
    """The browser tells of the emptied box only after the answer: a fragment's run waits for it."""
    upstream.plan(Stream(endless=True))
    tab.box.fill("Once")
    tab.until("the line", lambda: "tokens in" in chat_controls.line(tab))
    chat_controls.open_panel(tab)
    tab.box.press("Enter")
    tab.grows()
    tab.until(
        "once", lambda: [turn["content"] for turn in (chat_controls.ahead(tab) or {})["messages"]] == ["Once"]
    )
    upstream.asked[0].release()
    tab.ended()
    tab.box.fill("Once")  # the same again is a text again
    tab.until(
        "twice",
        lambda: (chat_controls.ahead(tab) or {})["messages"][-1] == {"role": "user", "content": "Once"},
    )


def test_what_cannot_be_sent_says_why(tab: Visitor, upstream: Upstream) -> None:
    chat_controls.form(tab, "Prompt")
    chat_controls.open_panel_of_nothing(tab)
    panel = tab.key("ahead")
    tab.until("why", lambda: "The prompt is empty." in panel.inner_text())
    tab.box.fill("Now")
    chat_controls.foretells(tab, prompt="Now")
    assert "The prompt is empty." not in panel.inner_text()
    assert f"/accounts/{ACCOUNT}/ai/run/@cf/meta/llama-3.2-1b-instruct" in squeezed(panel.inner_text())
    assert upstream.asked == []
