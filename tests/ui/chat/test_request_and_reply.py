"""Request and reply: what went over the wire for an answer is kept with it, and its request can be sent again."""

from __future__ import annotations

import json
import re

import pytest
from streamlit.testing.v1.element_tree import Block

from lib.model.request_options import InputForm
from lib.tools.sample_tools import SAMPLE_TOOLS
from tests.page.upstream import TOKEN, ErrorReply, StreamReply, Upstream
from tests.ui.app_test_page import AppTestPage, share_address

TEXT = "Grüße 👩‍👩‍👧, 日本語: *not* <b>bold</b> $5 and $6."
CAPACITY = ErrorReply(429, 3040, "AiError: Capacity temporarily exceeded, please try again.")


def raw_reply(upstream: Upstream, number: int = 0) -> str:
    """Return what was written to the socket for that request, without the last line's end."""
    return upstream.requests[number].sent_body.decode().rstrip("\n")


def open_view(page: AppTestPage, view: str) -> Block:
    """Return the box with request and reply of the last answer, opened at that view."""
    id = page.message_id(page.answers[-1])
    if not page.has_key(f"exchange-{id}"):
        page.choose_in_menu(page.answers[-1], "Request and reply")
    page.choose(f"exchange-view-{id}", view)
    box = page.by_key(f"exchange-{id}")
    assert isinstance(box, Block)
    return box


def test_request_reply_headers_times_and_code(upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(TEXT))
    page = AppTestPage().send("Say it")
    body = upstream.requests[0].body
    assert json.loads(page.codes(open_view(page, "Request"))[0]) == body
    box = open_view(page, "Reply as received")
    reply = page.codes(box)[0]
    assert reply.rstrip("\n") == raw_reply(upstream)
    events = reply.count("data: ")
    assert f"HTTP 200 · {events} events as received" in page.text(box)
    sent, received = page.codes(open_view(page, "Headers"))
    assert sent.startswith(f"POST {upstream.url}/accounts/")
    assert re.search(r"(?im)^authorization: •••$", sent)
    assert received.startswith("HTTP 200\n")
    assert "content-type: text/event-stream" in received
    lines = page.codes(open_view(page, "Times"))[-1].splitlines()
    assert len(lines) == events
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] < 60
    assert "Say it" in "".join(page.codes(open_view(page, "Code")))
    assert TOKEN not in page.everything()


def test_the_token_is_nowhere_even_if_a_server_repeats_it(upstream: Upstream) -> None:
    upstream.plan_replies(
        ErrorReply(400, 5006, f"AiError: Bad input: {TOKEN}", headers={"x-you-sent": f"Bearer {TOKEN}"})
    )
    page = AppTestPage().send()
    for view in ("Request", "Reply as received", "Headers", "Times", "Code"):
        open_view(page, view)
        assert TOKEN not in page.everything(), view


def test_a_refusal(upstream: Upstream) -> None:
    upstream.plan_replies(
        ErrorReply(413, 5021, "AiError: Ai: The estimated number of tokens exceeded this limit.")
    )
    page = AppTestPage().send()
    box = open_view(page, "Reply as received")
    assert "HTTP 413 · 1 body as received" in page.text(box)
    assert page.codes(box) == [raw_reply(upstream)]
    assert page.codes(open_view(page, "Headers"))[1].startswith("HTTP 413\n")


def test_two_attempts(upstream: Upstream) -> None:
    upstream.plan_replies(CAPACITY, StreamReply(TEXT))
    page = AppTestPage().send()
    assert len(upstream.requests) == 2
    box = open_view(page, "Reply as received")
    assert {"Attempt 1", "Attempt 2"} <= set(page.texts(box))
    assert [text.rstrip("\n") for text in page.codes(box)] == [raw_reply(upstream, 0), raw_reply(upstream, 1)]
    assert "HTTP 429" in page.text(box)


def test_a_stream_that_was_cut(upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("Only the beginning", ends="cut"))
    page = AppTestPage().send()
    reply = page.codes(open_view(page, "Reply as received"))[0]
    assert reply.rstrip("\n") == raw_reply(upstream)
    assert "[DONE]" not in reply


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    """A page with an answer to a request that has tools and a system prompt; since then all settings were changed."""
    page = AppTestPage(share_address("", "Be brief.", tools=(SAMPLE_TOOLS[0].tool,)))
    upstream.plan_replies(StreamReply("An answer."))
    page.send("What is “this”?")
    page.choose("system", "Be long.")
    page.choose("temperature-number", 1.5)
    page.choose("choose-format", "JSON")
    return page.choose("choose-form", InputForm.PROMPT)


def test_load_into_the_controls(page: AppTestPage, upstream: Upstream) -> None:
    page.choose_in_menu(page.answers[-1], "Use these settings")
    assert page.put_text == "What is “this”?"
    assert page.by_key("choose-form").value is InputForm.MESSAGES
    assert page.by_key("choose-format").value == "Text"
    assert page.by_key("choose-stream").value is True
    assert page.by_key("system").value == "Be brief."
    assert page.by_key("temperature-number").value == 0.6
    assert "1 tool: calculator" in page.text(page.test.sidebar)
    page.click("new")
    page.send("What is “this”?")
    assert upstream.requests[1].body == upstream.requests[0].body


def test_send_again_as_it_was(page: AppTestPage, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("Another."))
    page.choose_in_menu(page.answers[-1], "Ask again with the same settings")
    assert len(upstream.requests) == 2
    assert upstream.requests[1].body == upstream.requests[0].body
    assert list(upstream.requests[1].body) == list(upstream.requests[0].body)
    assert "2/2" in page.texts(page.answers[-1])
    assert page.first_texts()[-1] == "Another."
    assert page.by_key("choose-form").value is InputForm.PROMPT  # the current settings stay
    assert page.by_key("temperature-number").value == 1.5


def test_load_a_raw_prompt(upstream: Upstream) -> None:
    page = AppTestPage(share_address("<|begin_of_text|>Once", form=InputForm.PROMPT, raw=True))
    page.click("raw-send")
    page.choose("raw-prompt", "Something else")
    page.choose("choose-raw", False)
    page.choose("choose-form", InputForm.MESSAGES)
    page.choose_in_menu(page.answers[-1], "Use these settings")
    assert page.by_key("raw-prompt").value == "<|begin_of_text|>Once"
    assert page.by_key("choose-raw").value is True
