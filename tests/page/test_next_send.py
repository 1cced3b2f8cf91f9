"""The panel of the next send: it shows the exact request, with its tokens, its cost and its code."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from lib.api.request import Messages, Turn, build_request
from lib.model.pricing import format_dollars
from lib.model.request_options import InputForm, ResponseFormat
from lib.preflight import token_count
from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import Visit
from tests.page.upstream import StreamReply, Upstream
from tests.ui.app_test_page import MODEL, share_address

SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
# The colours of the signs, of a text and of a number in a box of code.
COLOURS_JS = """code => [code, code.querySelector(".text"), code.querySelector(".number")]
    .map(part => getComputedStyle(part).color)"""
RAW = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nGrüß dich!<|eot_id|>"
SET_UPS: dict[str, dict[str, Any]] = {
    "JSON schema": {"response_format": ResponseFormat(SCHEMA)},
    "prompt, raw": {"form": InputForm.PROMPT, "raw": True},
}


def price(prompt: int, answer: int) -> Decimal:
    """Return the price by the model page: $0.027 and $0.20 a million tokens."""
    return (prompt * Decimal("0.027") + answer * Decimal("0.20")) / 1_000_000


# All of them are in tests/ui/chat/test_next_send.py.
@pytest.mark.parametrize("what", SET_UPS)
def test_what_is_shown_arrives(visit: Visit, app: AppProcess, upstream: Upstream, what: str) -> None:
    features = SET_UPS[what]
    raw_prompt = what == "prompt, raw"
    address = share_address(RAW if raw_prompt else "Grüß “dich” & <b>\n$5", "Be brief.", **features)
    tab = visit(app.url, address, shows=".st-key-ahead:visible")
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
    # The order is the same too.
    assert list(upstream.requests[0].body) == list(shown)


def test_it_is_live_while_one_writes(tab: BrowserTab, upstream: Upstream) -> None:
    tab.wait_until_idle()
    assert chat_controls.next_send_summary(tab).startswith("send Nothing to send yet")
    chat_controls.open_empty_next_send(tab)
    for text in ("Hello", "Hello there", "Hello\nthere, 日本語 <|eot_id|>"):
        tab.chat_box.fill(text)
        chat_controls.wait_for_next_request(tab, messages=[{"role": "user", "content": text}])
        count = token_count.count_prompt_tokens(build_request(MODEL, Messages((Turn("user", text),)))).tokens
        tab.wait_until(
            f"{count} in",
            lambda n=count: (
                f"≈ {n:,} tokens to read · at most 256 to write" in chat_controls.next_send_summary(tab)
            ),
        )
        least, most = (format_dollars(1_000 * price(count, out)) for out in (0, 256))
        assert f"· {least} – {most} for 1,000 answers" in chat_controls.next_send_summary(tab)
    tab.number_box("max_tokens").fill("1000")
    tab.number_box("max_tokens").press("Enter")
    chat_controls.wait_for_next_request(tab, max_tokens=1000)
    assert len(set(tab.by_key("ahead").locator("code").last.evaluate(COLOURS_JS))) == 3
    tab.chat_box.fill("")
    tab.wait_until("nothing to send", lambda: "Nothing to send yet" in chat_controls.next_send_summary(tab))
    assert upstream.requests == []


def test_the_panel_stays_open(tab: BrowserTab, upstream: Upstream) -> None:
    tab.chat_box.fill("First")
    tab.wait_until("the line", lambda: "tokens to read" in chat_controls.next_send_summary(tab))
    panel = chat_controls.open_next_send(tab)
    is_open = panel.locator("details")
    chat_controls.wait_for_next_request(tab, messages=[{"role": "user", "content": "First"}])
    upstream.plan_replies(StreamReply(endless=True))
    tab.chat_box.press("Enter")
    tab.wait_for_growth()
    tab.wait_until_drawn()
    assert is_open.get_attribute("open") is not None
    assert panel.locator(".model-text code").is_visible()
    # The page is redrawn under the answer.
    tab.slider("temperature").press("ArrowRight")
    chat_controls.wait_for_next_request(tab, temperature=0.61)
    assert is_open.get_attribute("open") is not None
    # The panel is a fragment, which would wait for the end of the answer.
    views = tab.by_key("ahead-part")
    views.get_by_role("radio", name="Cost", exact=True).click()
    panel.get_by_text("These are listed prices").wait_for()
    views.get_by_role("radio", name="Request", exact=True).click()
    panel.locator(".model-text code").wait_for()
    assert upstream.requests[0].is_live
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


def test_the_answer_is_a_part_of_the_next_send(tab: BrowserTab, upstream: Upstream) -> None:
    """Nobody types or clicks after the send: the line and the request change when the answer has ended."""
    upstream.plan_replies(StreamReply("An answer of some words."))
    tab.chat_box.fill("Go")
    tab.wait_until("the line", lambda: "tokens to read" in chat_controls.next_send_summary(tab))
    chat_controls.open_next_send(tab)
    tab.chat_box.press("Enter")
    tab.wait_for_end()
    turns = (Turn("user", "Go"), Turn("assistant", "An answer of some words."))
    shown = chat_controls.wait_for_next_request(
        tab, messages=[{"role": turn.role, "content": turn.content} for turn in turns]
    )
    count = token_count.count_prompt_tokens(build_request(MODEL, Messages(turns))).tokens
    assert f"≈ {count:,} tokens to read" in chat_controls.next_send_summary(tab)
    assert shown["max_tokens"] == 256
    assert len(upstream.requests) == 1


def test_a_sent_text_is_no_longer_ahead(tab: BrowserTab, upstream: Upstream) -> None:
    """Wait for a fragment's run: the browser reports the emptied box only after the answer."""
    upstream.plan_replies(StreamReply(endless=True))
    tab.chat_box.fill("Once")
    tab.wait_until("the line", lambda: "tokens to read" in chat_controls.next_send_summary(tab))
    chat_controls.open_next_send(tab)
    tab.chat_box.press("Enter")
    tab.wait_for_growth()
    tab.wait_until(
        "once",
        lambda: [turn["content"] for turn in (chat_controls.next_request(tab) or {})["messages"]] == ["Once"],
    )
    upstream.requests[0].release()
    tab.wait_for_end()
    # The same text counts as new text.
    tab.chat_box.fill("Once")
    tab.wait_until(
        "twice",
        lambda: (
            (chat_controls.next_request(tab) or {})["messages"][-1] == {"role": "user", "content": "Once"}
        ),
    )
