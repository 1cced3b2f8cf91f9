"""Before the send: the page shows the request that is sent, with its tokens, cost and programs."""

from __future__ import annotations

import html
import json
import re
from decimal import Decimal
from typing import Any

import pytest

from lib.api.inspection import RenderedPrompt
from lib.api.request import Messages, Turn, build_request
from lib.model.pricing import format_dollars
from lib.model.request_options import Function, InputForm, ResponseFormat
from lib.preflight import token_count
from lib.tools.sample_tools import SAMPLE_TOOLS
from lib.ui.chat import next_send, request_preview
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.chat.next_send import NextSendView
from lib.ui.chat.request_preview import RequestPreview
from tests.page.upstream import ACCOUNT, TOKEN, StreamReply, Upstream
from tests.ui.app_test_page import MODEL, AppTestPage, plain_text, share_address

SCHEMA = '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
RAW = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nGrüß dich!<|eot_id|>"
TEXT = "Grüß “dich” & <b>\n$5"
SET_UPS: dict[str, dict[str, Any]] = {
    "messages": {},
    "messages, raw": {"raw": True},
    "messages, whole": {"stream": False},
    "prompt": {"form": InputForm.PROMPT},
    "prompt, raw": {"form": InputForm.PROMPT, "raw": True},
    "JSON": {"response_format": ResponseFormat()},
    "JSON schema": {"response_format": ResponseFormat(SCHEMA)},
    "tools": {"tools": tuple(sample.tool for sample in SAMPLE_TOOLS)},
    "functions": {"functions": (Function("shout", "({ text }) => text.toUpperCase()"),)},
    "LoRA": {"form": InputForm.PROMPT, "lora": "my-adapter"},
}


def price(prompt: int, answer: int) -> Decimal:
    """Return the dollars by the model page: $0.027 and $0.20 a million tokens."""
    return (prompt * Decimal("0.027") + answer * Decimal("0.20")) / 1_000_000


def token_number(text: str) -> int:
    """Return the tokens of a conversation that begins with that text."""
    return token_count.count_prompt_tokens(build_request(MODEL, Messages((Turn("user", text),)))).tokens


def next_request(page: AppTestPage) -> dict[str, Any]:
    """Return the request in the panel."""
    value = json.loads(page.codes(page.by_key("ahead"))[0])
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("what", SET_UPS)
def test_what_is_shown_arrives(upstream: Upstream, what: str) -> None:
    raw_prompt = what == "prompt, raw"
    page = AppTestPage(share_address(RAW if raw_prompt else TEXT, "Be brief.", **SET_UPS[what]))
    if raw_prompt:
        shown = next_request(page)
        page.click("raw-send")
    else:
        shown = next_request(page.write(TEXT))
        page.send(TEXT)
    assert upstream.requests[0].body == shown
    assert list(upstream.requests[0].body) == list(shown)  # in that order


@pytest.mark.parametrize("text", ["Hello", "Hello there", "Hello\nthere, 日本語 <|eot_id|>"])
def test_tokens_and_cost_of_the_text(upstream: Upstream, text: str) -> None:
    page = AppTestPage()
    assert page.next_send_summary.endswith("Nothing to send yet")
    page.write(text)
    assert next_request(page)["messages"] == [{"role": "user", "content": text}]
    count = token_number(text)
    assert f"≈ {count:,} tokens to read · at most 256 to write" in page.next_send_summary
    minimum, maximum = (format_dollars(1_000 * price(count, out)) for out in (0, 256))
    assert f"· {minimum} – {maximum} for 1,000 answers" in page.next_send_summary
    page.choose("max_tokens-number", 1000)
    assert next_request(page)["max_tokens"] == 1000
    assert f"≈ {count:,} tokens to read · at most 1,000 to write" in page.next_send_summary
    page.write("")
    assert "Nothing to send yet" in page.next_send_summary
    assert upstream.requests == []


def test_the_cost_of_many(upstream: Upstream) -> None:
    text = "What would a million of these cost?"
    page = AppTestPage().write(text).choose("ahead-part", "Cost")
    count = token_number(text)
    table = plain_text(page.by_key("ahead").markdown[0].value)
    for times in (1, 1_000, 1_000_000):
        minimum, maximum = format_dollars(times * price(count, 0)), format_dollars(times * price(count, 256))
        assert f"| {times:,} | {minimum} | {maximum} |" in table
    # 2,457 neurons a million tokens in, 18,252 out; 10,000 a day are free.
    least, most = (Decimal(count * 2457 + out * 18252) / 1_000_000 for out in (0, 256))
    assert f"{10_000 // most:,f} to {10_000 // least:,f} such messages" in page.text(page.by_key("ahead"))


def test_every_program_and_never_the_token(upstream: Upstream) -> None:
    page = AppTestPage().write("Write me").choose("ahead-part", "Code")
    programs: dict[str, str] = {}
    names = list(page.by_key("ahead-language").options)
    assert len(names) == 6
    for name in names:
        page.choose("ahead-language", name)
        programs[name] = page.codes(page.by_key("ahead"))[0]
        assert "Write me" in programs[name]
        assert "CLOUDFLARE_API_TOKEN" in programs[name] or "env.AI" in programs[name], name
        assert TOKEN not in page.everything()
    assert len(set(programs.values())) == 6
    assert any("curl" in name for name in names)


def test_what_the_model_reads(upstream: Upstream) -> None:
    page = AppTestPage().write("Hi <b>you</b>").choose("ahead-part", "What the model reads")
    panel = page.by_key("ahead")
    marked = panel.html[0].value
    assert marked.count("&lt;|eot_id|&gt;</mark>") == 2
    assert "Hi &lt;b&gt;you&lt;/b&gt;" in marked
    text = html.unescape(re.sub("<[^>]*>", "", marked))
    assert text.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>")
    assert text.rstrip().endswith(
        "user<|end_header_id|>\n\nHi <b>you</b><|eot_id|><|start_header_id|>assistant<|end_header_id|>"
    )
    assert "the chat format of Llama 3" in page.text(panel)


def test_a_prompt_that_cannot_be_sent_says_why(upstream: Upstream) -> None:
    page = AppTestPage().choose("choose-form", InputForm.PROMPT)
    assert "The prompt is empty." in page.text(page.by_key("ahead"))
    page.write("Now")
    assert next_request(page)["prompt"] == "Now"
    panel = page.text(page.by_key("ahead"))
    assert "The prompt is empty." not in panel
    assert f"/accounts/{ACCOUNT}/ai/run/@cf/meta/llama-3.2-1b-instruct" in panel
    assert upstream.requests == []


def test_the_line_is_asked_for_again_when_an_answer_has_ended(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's script only follows an answer until its end: without that, the line would stay as it was."""

    def draw_while_the_answer_comes(tab: ChatTab, preview: RequestPreview) -> None:
        draw(tab, preview)
        if tab.chat.snapshot()[1] is not None:
            upstream.wait_for_request().release()

    draw = next_send.draw_next_send
    monkeypatch.setattr(next_send, "draw_next_send", draw_while_the_answer_comes)
    upstream.plan_replies(StreamReply("Four.", held=0))
    page = AppTestPage()
    assert "pulses-ahead" not in page.test.session_state
    page.send()
    assert page.test.session_state["pulses-ahead"] == 1, (
        "drawn while the answer came: the browser reruns the line"
    )
    page.run()
    assert [turn["role"] for turn in next_request(page)["messages"]] == ["user", "assistant"]


def test_joined_messages_are_said(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play a practice model whose chat format takes no system prompt."""
    rendered = RenderedPrompt("the text", 7, "Gemma", (), 2048, "Some messages were joined.")
    monkeypatch.setattr(request_preview, "_render", lambda backend, request: rendered)
    page = AppTestPage(share_address("", "Be brief.")).write("Hello")
    page.choose("ahead-part", NextSendView.RENDERED_PROMPT)
    captions = [plain_text(caption.value) for caption in page.by_key("ahead").caption]
    assert "Some messages were joined." in captions
    assert any("In the chat format of Gemma" in caption for caption in captions)
