"""Request and reply: what really went over the wire for an answer, kept with it; and its request used again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lib.model.request_options import InputForm
from lib.tools.sample_tools import SAMPLE_TOOLS
from tests.page import chat_controls
from tests.page.app_process import AppProcess, make_data_folder
from tests.page.browser_tab import BrowserTab, wait_for_value
from tests.page.conftest import Visit
from tests.page.interruption_kinds import CONNECTION_ERRORS
from tests.page.upstream import TOKEN, ErrorReply, StreamReply, Upstream

TEXT = "Grüße 👩‍👩‍👧, 日本語: *not* <b>bold</b> $5 and $6."
CAPACITY = ErrorReply(429, 3040, "AiError: Capacity temporarily exceeded, please try again.")


def raw_reply(upstream: Upstream, number: int = 0) -> str:
    """What was written to the socket for that request, without the last line's end."""
    return upstream.requests[number].sent_body.decode().rstrip("\n")


def test_request_reply_headers_times_and_code(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply(TEXT))
    body = chat_controls.send_message(tab, upstream, "Say it").body
    box = chat_controls.open_request_and_reply(tab, "Request")
    assert json.loads(chat_controls.code_texts(box)[0]) == body
    chat_controls.open_request_and_reply(tab, "Raw reply")
    reply = chat_controls.code_texts(box)[0]
    assert reply.rstrip("\n") == raw_reply(upstream)
    assert f"HTTP 200 · {reply.count('data: ')} events as received" in box.inner_text()
    chat_controls.open_request_and_reply(tab, "Headers")
    sent, got = chat_controls.code_texts(box)
    assert sent.startswith(f"POST {upstream.url}/accounts/")
    assert re.search(r"(?im)^authorization: •••$", sent)
    assert got.startswith("HTTP 200\n")
    assert "content-type: text/event-stream" in got
    chat_controls.open_request_and_reply(tab, "Times")
    events = reply.count("data: ")
    tab.wait_until(
        "a line for each event", lambda: len(chat_controls.code_texts(box)[-1].splitlines()) == events
    )
    lines = chat_controls.code_texts(box)[-1].splitlines()
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] < 60
    chat_controls.open_request_and_reply(tab, "Code")
    tab.wait_until("a program", lambda: "Say it" in "".join(chat_controls.code_texts(box)))
    assert TOKEN not in tab.page.content()


def test_the_token_is_nowhere_even_where_a_server_repeats_it(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(
        ErrorReply(400, 5006, f"AiError: Bad input: {TOKEN}", headers={"x-you-sent": f"Bearer {TOKEN}"})
    )
    chat_controls.send_message(tab, upstream)
    for view in ("Request", "Raw reply", "Headers", "Times", "Code"):
        chat_controls.open_request_and_reply(tab, view)
        assert TOKEN not in tab.page.content(), view


def test_a_refusal(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(
        ErrorReply(413, 5021, "AiError: Ai: The estimated number of tokens exceeded this limit.")
    )
    chat_controls.send_message(tab, upstream)
    box = chat_controls.open_request_and_reply(tab, "Raw reply")
    assert "HTTP 413 · 1 body as received" in box.inner_text()
    assert chat_controls.code_texts(box) == [raw_reply(upstream)]
    chat_controls.open_request_and_reply(tab, "Headers")
    assert chat_controls.code_texts(box)[1].startswith("HTTP 413\n")


def test_two_tries(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(CAPACITY, StreamReply(TEXT))
    tab.send("Go")
    tab.wait_until("two tries", lambda: len(upstream.requests) == 2, patience=30)
    chat_controls.wait_for_reply(tab, upstream, 1)
    box = chat_controls.open_request_and_reply(tab, "Raw reply")
    assert box.get_by_text("Try 1").is_visible()
    assert box.get_by_text("Try 2").is_visible()
    assert [text.rstrip("\n") for text in chat_controls.code_texts(box)] == [
        raw_reply(upstream, 0),
        raw_reply(upstream, 1),
    ]
    assert "HTTP 429" in box.inner_text()


def test_a_stream_that_was_cut(tab: BrowserTab, upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("Only the beginning", ends="cut"))
    chat_controls.send_message(tab, upstream)
    box = chat_controls.open_request_and_reply(tab, "Raw reply")
    assert chat_controls.code_texts(box)[0].rstrip("\n") == raw_reply(upstream)
    assert "[DONE]" not in chat_controls.code_texts(box)[0]


@pytest.fixture
def expected() -> list[str]:
    return CONNECTION_ERRORS


def test_it_is_there_after_a_restart(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    environment = upstream.environment() | {"PADDOCK_DATA_DIR": str(make_data_folder(tmp_path / "data"))}
    upstream.plan_replies(StreamReply(TEXT))
    with AppProcess(environment, tmp_path / "log") as first:
        tab = visit(first.url)
        body = chat_controls.send_message(tab, upstream).body
        address = tab.page.url.removeprefix(tab.url)
    with AppProcess(environment, tmp_path / "log", port=first.port) as second:
        tab.open(address)
        tab.wait_until("the answer", lambda: tab.answers.count() == 1)
        box = chat_controls.open_request_and_reply(tab, "Raw reply")
        assert chat_controls.code_texts(box)[0].rstrip("\n") == raw_reply(upstream)
        chat_controls.open_request_and_reply(tab, "Headers")
        assert re.search(r"(?im)^authorization: •••$", chat_controls.code_texts(box)[0])
        chat_controls.open_request_and_reply(tab, "Request")
        assert json.loads(chat_controls.code_texts(box)[0]) == body
    assert TOKEN.encode() not in b"".join(file.read_bytes() for file in (tmp_path / "data").glob("paddock*"))
    assert "Traceback" not in second.log


def other_settings(tab: BrowserTab) -> None:
    """Everything else than what was sent."""
    tab.by_key("system").locator("textarea").fill("Be long.")
    tab.by_key("system").locator("textarea").press("Control+Enter")
    tab.number_box("temperature").fill("1.5")
    tab.number_box("temperature").press("Enter")
    tab.wait_until("1.5", lambda: tab.slider("temperature").input_value() == "1.5")
    chat_controls.choose_format(tab, "JSON")
    chat_controls.choose_form(tab, "Prompt")


@pytest.fixture
def sent(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """A tab with an answer to a request that has tools and a system prompt; since then all settings were changed."""
    tab = visit(app.url, chat_controls.share_address("", "Be brief.", tools=(SAMPLE_TOOLS[0].tool,)))
    upstream.plan_replies(StreamReply("An answer."))
    chat_controls.send_message(tab, upstream, "What is “this”?")
    other_settings(tab)
    return tab


def test_load_into_the_controls(sent: BrowserTab, upstream: Upstream) -> None:
    tab = sent
    tab.choose_in_menu(tab.answers.last, "Load into the controls")
    tab.wait_until("the text in the box", lambda: tab.chat_box.input_value() == "What is “this”?")
    tab.wait_until_idle()
    assert chat_controls.get_choice(tab, "choose-form") == "Messages"
    assert chat_controls.get_choice(tab, "choose-format") == "Text"
    assert chat_controls.option_switch(tab, "stream").is_checked()
    wait_for_value(tab.by_key("system").locator("textarea"), "Be brief.")
    wait_for_value(tab.number_box("temperature"), "0.6")
    assert "1 tool: calculator" in tab.page.inner_text("[data-testid=stSidebar]")
    tab.button("New conversation").click()
    tab.by_key("starter0").locator("button:visible").first.wait_for()
    assert chat_controls.send_message(tab, upstream, "What is “this”?").body == upstream.requests[0].body


def test_send_again_as_it_was(sent: BrowserTab, upstream: Upstream) -> None:
    tab = sent
    upstream.plan_replies(StreamReply("Another."))
    tab.choose_in_menu(tab.answers.last, "Send again as it was")
    tab.wait_until("it is sent", lambda: len(upstream.requests) == 2)
    chat_controls.wait_for_reply(tab, upstream, 1)
    assert upstream.requests[1].body == upstream.requests[0].body
    assert list(upstream.requests[1].body) == list(upstream.requests[0].body)
    tab.wait_until("a variant", lambda: tab.answers.last.get_by_text("2/2").count())
    tab.wait_for_answer("Another.")
    assert chat_controls.get_choice(tab, "choose-form") == "Prompt"  # the settings of now stay
    wait_for_value(tab.number_box("temperature"), "1.5")


def test_load_a_raw_prompt(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    tab = visit(app.url)
    tab.page.goto(
        app.url + chat_controls.share_address("<|begin_of_text|>Once", form=InputForm.PROMPT, raw=True)
    )
    tab.button("Send").click()
    tab.wait_until("a request", lambda: upstream.requests)
    chat_controls.wait_for_reply(tab, upstream, 0)
    chat_controls.write_prompt(tab, "Something else")
    chat_controls.toggle_option(tab, "raw")
    chat_controls.choose_form(tab, "Messages")
    tab.choose_in_menu(tab.answers.last, "Load into the controls")
    tab.wait_until(
        "its text",
        lambda: chat_controls.prompt_box(tab).count() and chat_controls.prompt_box(tab).input_value(),
    )
    wait_for_value(chat_controls.prompt_box(tab), "<|begin_of_text|>Once")
    assert chat_controls.option_switch(tab, "raw").is_checked()
