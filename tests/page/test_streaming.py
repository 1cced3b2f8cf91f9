"""An answer in the browser: it comes bit by bit, whole, with its figures; Stop, variants, going on, other tabs."""

from __future__ import annotations

import pytest

from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.upstream import ACCOUNT, TOKEN, Stream, Upstream, words
from tests.page.visitor import PATIENCE, Visitor, holds, squeezed


def test_text_is_shown_while_it_still_comes(tab: Visitor, upstream: Upstream) -> None:
    text = "".join(words(count=120))
    upstream.plan(Stream(text, held=400))
    tab.say("Go")
    tab.until("the first part", lambda: tab.text().startswith("w00001 w00002"))
    tab.until("all that was sent", lambda: tab.text() == squeezed(upstream.asked[0].sent))
    assert upstream.asked[0].live
    assert tab.figures() == ""
    upstream.asked[0].release()
    tab.ended()
    tab.reads(text)
    assert len(upstream.asked) == 1


def test_the_request_is_the_documented_one(tab: Visitor, upstream: Upstream) -> None:
    tab.say("Good day")
    tab.ended()
    asked = upstream.asked[0]
    assert asked.path == f"/client/v4/accounts/{ACCOUNT}/ai/run/@cf/meta/llama-3.2-1b-instruct"
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.body == {
        "messages": [{"role": "user", "content": "Good day"}],
        "stream": True,
        "max_tokens": 256,
        "temperature": 0.6,
    }


def test_text_outside_ascii_and_numbers_come_whole(tab: Visitor, upstream: Upstream) -> None:
    text = "Grüße 👩‍👩‍👧 日本語 7 07 3.14 10000 naïve עברית ¿qué? 😀😀 “quoted” — 1 2 3 42"
    upstream.plan(Stream(text, seed=3))
    tab.say("Go")
    tab.ended()
    tab.reads(text)


# Two digits that say something, worked out by hand: 1000 × 0.027 + 100 × 0.20 = 47 millionths.
@pytest.mark.parametrize(
    ("usage", "shown"),
    [((1000, 100), "$0.000047"), ((12345, 237), "$0.00038"), ((0, 1), "$0.00000020"), ((0, 0), "$0")],
)
def test_figures_are_the_wires(tab: Visitor, upstream: Upstream, usage: tuple[int, int], shown: str) -> None:
    upstream.plan(Stream("Well.", usage=usage))
    tab.say("Go")
    line = tab.ended()
    assert line.startswith(f"{usage[0]:,} in · {usage[1]:,} out · {shown} · "), line
    assert "≈" not in line
    assert line.endswith("finished")


def test_an_answer_that_reached_its_limit_can_go_on(tab: Visitor, upstream: Upstream) -> None:
    text = "".join(words(count=100))
    first, second = text[:333], text[333:]
    upstream.plan(Stream(first, usage=(1000, 256)), Stream(second, usage=(1300, 200)))
    tab.say("Count")
    line = tab.ended("reached max_tokens")
    assert "· $0.000078 ·" in line  # 27 + 51.2 millionths
    tab.button("Raise to 512 and go on").click()
    line = tab.ended("finished")
    assert upstream.asked[1].body["messages"] == [
        {"role": "user", "content": "Count"},
        {"role": "assistant", "content": first},
    ]
    assert upstream.asked[1].body["max_tokens"] == 512
    assert tab.answers.count() == 1
    tab.reads(text)
    assert line.startswith("2,300 in · 456 out · $0.00015 ·"), line
    holds(tab.number("max_tokens"), "512")


@pytest.mark.parametrize("way", ["click", "Escape"])
def test_stop_keeps_the_text_and_ends_the_request(tab: Visitor, upstream: Upstream, way: str) -> None:
    upstream.plan(Stream(endless=True))
    tab.say("Go")
    tab.grows(100)
    if way == "click":
        tab.key("stop").get_by_role("button").first.click()
    else:
        tab.page.keyboard.press("Escape")
    assert upstream.asked[0].hung_up.wait(PATIENCE)
    line = tab.ended("stopped")
    assert "≈" in line  # an estimate is marked as one
    assert len(tab.text()) > 100
    assert squeezed(upstream.asked[0].sent).startswith(tab.text()[:-8])
    assert tab.key("stop").locator("button:visible").count() == 0
    assert len(upstream.asked) == 1


def test_stop_before_the_first_token(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream("Never shown.", held=0))
    tab.say("Go")
    tab.page.get_by_text("Waiting for the first token").wait_for()
    tab.page.keyboard.press("Escape")
    tab.ended("stopped")
    assert tab.text() == ""
    assert upstream.asked[0].hung_up.wait(PATIENCE)


def test_another_answer_keeps_the_first_as_a_variant(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream("The first one."), Stream("The second one."))
    tab.say("Go")
    tab.ended()
    tab.button("Regenerate").click()
    tab.until("the second", lambda: tab.text() == "The second one.")
    tab.ended()
    assert upstream.asked[1].body["messages"] == upstream.asked[0].body["messages"]
    assert tab.answers.last.get_by_text("2/2").is_visible()
    tab.answers.last.locator("[class*='st-key-variant-1-'] button").first.click()
    tab.until("the first again", lambda: tab.text() == "The first one.")
    assert tab.answers.last.get_by_text("1/2").is_visible()
    tab.answers.last.locator("[class*='st-key-variant1-'] button").first.click()
    tab.until("the second again", lambda: tab.text() == "The second one.")


def test_a_conversation_is_sent_whole(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream("One."), Stream("Two."))
    tab.say("First")
    tab.ended()
    tab.say("Second")
    tab.ended(which=1)
    assert [turn["content"] for turn in upstream.asked[1].body["messages"]] == ["First", "One.", "Second"]
    assert [tab.text(0), tab.text(1), tab.said(0), tab.said(1)] == ["One.", "Two.", "First", "Second"]


def test_the_system_prompt_is_sent(tab: Visitor, upstream: Upstream) -> None:
    box = tab.key("system").locator("textarea")
    box.fill("Speak like a pirate.")
    tab.say("Ahoy")
    tab.ended()
    assert upstream.asked[0].body["messages"][0] == {"role": "system", "content": "Speak like a pirate."}
    tab.page.reload()
    tab.until("the system prompt", lambda: box.input_value() == "Speak like a pirate.")


@pytest.mark.parametrize("number", range(4))
def test_a_starter_is_sent(tab: Visitor, upstream: Upstream, number: int) -> None:
    starter = tab.key(f"starter{number}").get_by_role("button").first
    text = starter.locator("p").last.inner_text()
    starter.click()
    tab.ended()
    assert upstream.asked[0].body["messages"] == [{"role": "user", "content": tab.said()}]
    assert tab.said() in text
    assert tab.key("starter0").locator("button:visible").count() == 0


def test_a_second_message_is_refused_while_an_answer_comes(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream(endless=True))
    tab.say("First")
    tab.grows()
    tab.say("Second, typed too early")
    tab.page.get_by_text("An answer is still coming.").wait_for()
    tab.until("the text is back", lambda: tab.box.input_value() == "Second, typed too early")
    tab.grows()
    upstream.asked[0].release()
    tab.ended()
    assert len(upstream.asked) == 1
    tab.reads(upstream.asked[0].sent)
    tab.box.press("Enter")
    tab.ended(which=1)
    assert upstream.asked[1].body["messages"][-1]["content"] == "Second, typed too early"


def test_two_tabs_see_the_same_stream(
    tab: Visitor, visit: Visit, app: Application, upstream: Upstream
) -> None:
    upstream.plan(Stream(endless=True))
    tab.say("Go")
    tab.grows()
    other = visit(app.url, tab.page.url.removeprefix(app.url))
    other.grows()
    tab.grows()
    upstream.asked[0].release()
    tab.ended()
    other.ended()
    tab.reads(upstream.asked[0].sent)
    other.reads(upstream.asked[0].sent)
    assert len(upstream.asked) == 1


def test_a_new_conversation_and_back(tab: Visitor, upstream: Upstream) -> None:
    tab.say("Go")
    tab.ended()
    first = tab.page.url
    tab.button("New conversation").click()
    tab.until("an empty page", lambda: tab.answers.count() == 0 and tab.page.url != first)
    tab.key("starter0").locator("button:visible").first.wait_for()
    tab.button("Back to the last one").click()
    tab.until("the first", lambda: tab.text() == "A short answer.")
    assert tab.page.url == first


def test_leaving_a_stream_for_a_new_conversation_and_back(tab: Visitor, upstream: Upstream) -> None:
    upstream.plan(Stream(endless=True))
    tab.say("Go")
    tab.grows()
    tab.button("New conversation").click()
    tab.key("starter0").locator("button:visible").first.wait_for()
    tab.until("nothing of the other", lambda: tab.answers.count() == 0)
    tab.button("Back to the last one").click()
    tab.until("text", lambda: len(tab.text()) > 50)
    tab.grows()
    upstream.asked[0].release()
    tab.ended()
    tab.reads(upstream.asked[0].sent)
    assert len(upstream.asked) == 1
