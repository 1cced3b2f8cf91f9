"""Request and reply: what really went over the wire for an answer, kept with it; and its request used again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lib.model.request_options import Form
from lib.tools.sample_tools import SAMPLES
from tests.page import chat_controls
from tests.page.app_process import Application, data_folder
from tests.page.conftest import Visit
from tests.page.interruptions import NOISE
from tests.page.upstream import TOKEN, Refuse, Stream, Upstream
from tests.page.visitor import Visitor, holds

TEXT = "Grüße 👩‍👩‍👧, 日本語: *not* <b>bold</b> $5 and $6."
CAPACITY = Refuse(429, 3040, "AiError: Capacity temporarily exceeded, please try again.")


def raw_reply(upstream: Upstream, number: int = 0) -> str:
    """What was written to the socket for that request, without the last line's end."""
    return upstream.asked[number].wrote.decode().rstrip("\n")


def test_request_reply_headers_times_and_code(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream(TEXT))
    body = chat_controls.asked(tab, upstream, "Say it").body
    box = chat_controls.behind(tab, "Request")
    assert json.loads(chat_controls.codes(box)[0]) == body
    chat_controls.behind(tab, "Raw reply")
    reply = chat_controls.codes(box)[0]
    assert reply.rstrip("\n") == raw_reply(upstream)
    assert f"HTTP 200 · {reply.count('data: ')} events as received" in box.inner_text()
    chat_controls.behind(tab, "Headers")
    sent, got = chat_controls.codes(box)
    assert sent.startswith(f"POST {upstream.url}/accounts/")
    assert re.search(r"(?im)^authorization: •••$", sent)
    assert got.startswith("HTTP 200\n")
    assert "content-type: text/event-stream" in got
    chat_controls.behind(tab, "Times")
    events = reply.count("data: ")
    tab.until("a line for each event", lambda: len(chat_controls.codes(box)[-1].splitlines()) == events)
    lines = chat_controls.codes(box)[-1].splitlines()
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] < 60
    chat_controls.behind(tab, "Code")
    tab.until("a program", lambda: "Say it" in "".join(chat_controls.codes(box)))
    assert TOKEN not in tab.page.content()


def test_the_token_is_nowhere_even_where_a_server_repeats_it(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(
        Refuse(400, 5006, f"AiError: Bad input: {TOKEN}", headers={"x-you-sent": f"Bearer {TOKEN}"})
    )
    chat_controls.asked(tab, upstream)
    for view in ("Request", "Raw reply", "Headers", "Times", "Code"):
        chat_controls.behind(tab, view)
        assert TOKEN not in tab.page.content(), view


def test_a_refusal(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Refuse(413, 5021, "AiError: Ai: The estimated number of tokens exceeded this limit."))
    chat_controls.asked(tab, upstream)
    box = chat_controls.behind(tab, "Raw reply")
    assert "HTTP 413 · 1 body as received" in box.inner_text()
    assert chat_controls.codes(box) == [raw_reply(upstream)]
    chat_controls.behind(tab, "Headers")
    assert chat_controls.codes(box)[1].startswith("HTTP 413\n")


def test_two_tries(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(CAPACITY, Stream(TEXT))
    tab.say("Go")
    tab.until("two tries", lambda: len(upstream.asked) == 2, patience=30)
    chat_controls.came(tab, upstream, 1)
    box = chat_controls.behind(tab, "Raw reply")
    assert box.get_by_text("Try 1").is_visible()
    assert box.get_by_text("Try 2").is_visible()
    assert [text.rstrip("\n") for text in chat_controls.codes(box)] == [
        raw_reply(upstream, 0),
        raw_reply(upstream, 1),
    ]
    assert "HTTP 429" in box.inner_text()


def test_a_stream_that_was_cut(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream("Only the beginning", ends="cut"))
    chat_controls.asked(tab, upstream)
    box = chat_controls.behind(tab, "Raw reply")
    assert chat_controls.codes(box)[0].rstrip("\n") == raw_reply(upstream)
    assert "[DONE]" not in chat_controls.codes(box)[0]


@pytest.fixture
def expected() -> list[str]:
    return NOISE


def test_it_is_there_after_a_restart(visit: Visit, upstream: Upstream, tmp_path: Path) -> None:
    environment = upstream.environment() | {"PADDOCK_DATA_DIR": str(data_folder(tmp_path / "data"))}
    upstream.plan(Stream(TEXT))
    with Application(environment, tmp_path / "log") as first:
        tab = visit(first.url)
        body = chat_controls.asked(tab, upstream).body
        address = tab.page.url.removeprefix(tab.url)
    with Application(environment, tmp_path / "log", port=first.port) as second:
        tab.open(address)
        tab.until("the answer", lambda: tab.answers.count() == 1)
        box = chat_controls.behind(tab, "Raw reply")
        assert chat_controls.codes(box)[0].rstrip("\n") == raw_reply(upstream)
        chat_controls.behind(tab, "Headers")
        assert re.search(r"(?im)^authorization: •••$", chat_controls.codes(box)[0])
        chat_controls.behind(tab, "Request")
        assert json.loads(chat_controls.codes(box)[0]) == body
    assert TOKEN.encode() not in b"".join(file.read_bytes() for file in (tmp_path / "data").glob("paddock*"))
    assert "Traceback" not in second.log


def other_settings(tab: Visitor) -> None:
    """Everything else than what was sent."""
    tab.key("system").locator("textarea").fill("Be long.")
    tab.key("system").locator("textarea").press("Control+Enter")
    tab.number("temperature").fill("1.5")
    tab.number("temperature").press("Enter")
    tab.until("1.5", lambda: tab.slider("temperature").input_value() == "1.5")
    chat_controls.answer_as(tab, "JSON")
    chat_controls.form(tab, "Prompt")


@pytest.fixture
def sent(visit: Visit, app: Application, upstream: Upstream) -> Visitor:
    """A tab with an answer to a request that has tools and a system prompt; since then all settings were changed."""
    tab = visit(app.url, chat_controls.set_up("", "Be brief.", tools=(SAMPLES[0].tool,)))
    upstream.plan(Stream("An answer."))
    chat_controls.asked(tab, upstream, "What is “this”?")
    other_settings(tab)
    return tab


def test_load_into_the_controls(sent: Visitor, upstream: Upstream) -> None:
    tab = sent
    tab.menu(tab.answers.last, "Load into the controls")
    tab.until("the text in the box", lambda: tab.box.input_value() == "What is “this”?")
    tab.rest()
    assert chat_controls.chosen(tab, "choose-form") == "Messages"
    assert chat_controls.chosen(tab, "choose-format") == "Text"
    assert chat_controls.switch(tab, "stream").is_checked()
    holds(tab.key("system").locator("textarea"), "Be brief.")
    holds(tab.number("temperature"), "0.6")
    assert "1 tool: calculator" in tab.page.inner_text("[data-testid=stSidebar]")
    tab.button("New conversation").click()
    tab.key("starter0").locator("button:visible").first.wait_for()
    assert chat_controls.asked(tab, upstream, "What is “this”?").body == upstream.asked[0].body


def test_send_again_as_it_was(sent: Visitor, upstream: Upstream) -> None:
    tab = sent
    upstream.plan(Stream("Another."))
    tab.menu(tab.answers.last, "Send again as it was")
    tab.until("it is sent", lambda: len(upstream.asked) == 2)
    chat_controls.came(tab, upstream, 1)
    assert upstream.asked[1].body == upstream.asked[0].body
    assert list(upstream.asked[1].body) == list(upstream.asked[0].body)
    tab.until("a variant", lambda: tab.answers.last.get_by_text("2/2").count())
    tab.reads("Another.")
    assert chat_controls.chosen(tab, "choose-form") == "Prompt"  # the settings of now stay
    holds(tab.number("temperature"), "1.5")


def test_load_a_raw_prompt(visit: Visit, app: Application, upstream: Upstream) -> None:
    tab = visit(app.url)
    tab.page.goto(app.url + chat_controls.set_up("<|begin_of_text|>Once", form=Form.PROMPT, raw=True))
    tab.button("Send").click()
    tab.until("a request", lambda: upstream.asked)
    chat_controls.came(tab, upstream, 0)
    chat_controls.write_prompt(tab, "Something else")
    chat_controls.flip(tab, "raw")
    chat_controls.form(tab, "Messages")
    tab.menu(tab.answers.last, "Load into the controls")
    tab.until(
        "its text",
        lambda: chat_controls.prompt_box(tab).count() and chat_controls.prompt_box(tab).input_value(),
    )
    holds(chat_controls.prompt_box(tab), "<|begin_of_text|>Once")
    assert chat_controls.switch(tab, "raw").is_checked()
