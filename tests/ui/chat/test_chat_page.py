"""A conversation on the chat page: what goes over the wire, and what the page says of the answers."""

from __future__ import annotations

import pytest

from lib.model.request_options import DEFAULT_FEATURES
from lib.ui.chat import next_send, transcript
from lib.ui.chat.starter_prompts import starter_prompts
from lib.ui.settings import settings_panel
from lib.ui.shell import backend_picker
from tests.page.upstream import ACCOUNT, TOKEN, StreamReply, Upstream, numbered_words
from tests.ui.app_test_page import AppTestPage


def test_the_request_is_the_documented_one(upstream: Upstream) -> None:
    AppTestPage().send("Good day")
    request = upstream.requests[0]
    assert request.path == f"/client/v4/accounts/{ACCOUNT}/ai/run/@cf/meta/llama-3.2-1b-instruct"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.body == {
        "messages": [{"role": "user", "content": "Good day"}],
        "stream": True,
        "max_tokens": 256,
        "temperature": 0.6,
    }


# Three significant digits, worked out by hand: 1000 × 0.027 + 100 × 0.20 = 47 millionths.
@pytest.mark.parametrize(
    ("usage", "cost"),
    [((1000, 100), "$0.000047"), ((12345, 237), "$0.000381"), ((0, 1), "$0.0000002"), ((0, 0), "$0")],
)
def test_figures_are_those_on_the_wire(upstream: Upstream, usage: tuple[int, int], cost: str) -> None:
    upstream.plan_replies(StreamReply("Well.", usage=usage))
    figures = AppTestPage().send().figures()
    assert figures.startswith(f"read {usage[0]:,} · wrote {usage[1]:,} tokens · {cost} · "), figures
    assert "≈" not in figures
    assert figures.endswith("finished")


def test_an_answer_that_reached_its_limit_can_continue(upstream: Upstream) -> None:
    text = "".join(numbered_words(count=100))
    first, second = text[:333], text[333:]
    upstream.plan_replies(StreamReply(first, usage=(1000, 256)), StreamReply(second, usage=(1300, 200)))
    page = AppTestPage().send("Count")
    figures = page.figures()
    assert figures.endswith("stopped at your length limit")
    assert "· $0.0000782 ·" in figures  # 27 + 51.2 millionths
    more = page.by_keys("^more-")[0]
    assert more.label == "Allow 512 more and continue"
    page.click(more.key)
    assert upstream.requests[1].body["messages"] == [
        {"role": "user", "content": "Count"},
        {"role": "assistant", "content": first},
    ]
    assert upstream.requests[1].body["max_tokens"] == 512
    assert len(page.answers) == 1
    assert " ".join(text.split()) in page.text(page.answers[0])
    assert page.figures().startswith("read 2,300 · wrote 456 tokens · $0.000153 ·")
    assert page.figures().endswith("finished")
    assert page.by_key("max_tokens-number").value == 512


def test_another_answer_keeps_the_first_as_a_variant(upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("The first one."), StreamReply("The second one."))
    page = AppTestPage().send()
    page.click(page.by_keys("^again-")[0].key)
    assert page.first_texts() == ["Go", "The second one."]
    assert upstream.requests[1].body["messages"] == upstream.requests[0].body["messages"]
    assert "2/2" in page.texts(page.answers[0])
    page.click(page.by_keys("^variant-1-")[0].key)
    assert page.first_texts() == ["Go", "The first one."]
    assert "1/2" in page.texts(page.answers[0])
    page.click(page.by_keys("^variant1-")[0].key)
    assert page.first_texts() == ["Go", "The second one."]


def test_a_conversation_is_sent_whole(upstream: Upstream) -> None:
    upstream.plan_replies(StreamReply("One."), StreamReply("Two."))
    page = AppTestPage().send("First").send("Second")
    assert [turn["content"] for turn in upstream.requests[1].body["messages"]] == ["First", "One.", "Second"]
    assert page.first_texts() == ["First", "One.", "Second", "Two."]


def test_the_system_prompt_is_sent(upstream: Upstream) -> None:
    page = AppTestPage().choose("system", "Speak like a pirate.").send("Ahoy")
    assert upstream.requests[0].body["messages"][0] == {"role": "system", "content": "Speak like a pirate."}
    assert page.reopen().by_key("system").value == "Speak like a pirate."


@pytest.mark.parametrize("number", range(4))
def test_a_starter_is_sent(upstream: Upstream, number: int) -> None:
    page = AppTestPage().click(f"starter{number}")
    _, text = starter_prompts(DEFAULT_FEATURES)[number]
    assert upstream.requests[0].body["messages"] == [{"role": "user", "content": text}]
    assert page.first_texts() == [text, "A short answer."]
    assert not page.has_key("starter0")


def test_a_new_conversation_and_back(upstream: Upstream) -> None:
    page = AppTestPage().send()
    first = page.test.query_params["c"]
    page.click("new")
    assert page.answers == []
    assert page.test.query_params["c"] != first
    assert page.has_key("starter0")
    page.click("back")
    assert page.first_texts() == ["Go", "A short answer."]
    assert page.test.query_params["c"] == first


def test_a_message_is_changed_with_two_clicks(upstream: Upstream) -> None:
    page = AppTestPage().send("First")
    id = page.message_id(page.questions[0])
    page.click(f"edit-now-{id}").choose(f"edit-{id}", "Second").click(f"resend-{id}")
    assert page.first_texts() == ["Second", "A short answer."]
    assert upstream.requests[-1].body["messages"] == [{"role": "user", "content": "Second"}]


def test_the_program_of_an_answer_is_in_its_menu(upstream: Upstream) -> None:
    page = AppTestPage().send("First").choose("temperature-number", 1.0)
    page.choose_in_menu(page.answers[0], "Code")
    box = page.by_key(f"code-{page.message_id(page.answers[0])}")
    # As it was sent: with the temperature of then, and without the answer.
    assert '"temperature": 0.6' in page.codes(box)[0]
    assert "A short answer." not in page.codes(box)[0]
    assert "exactly as it was sent" in page.text(box)


def test_the_answer_is_drawn_before_the_rest_of_the_page(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def record(owner: object, name: str) -> None:
        draw = getattr(owner, name)

        def draw_and_record(*args: object, **options: object) -> object:
            drawn.append(name)
            return draw(*args, **options)

        monkeypatch.setattr(owner, name, draw_and_record)

    page = AppTestPage().send("First")
    record(transcript.LiveAnswer, "draw_new_text")
    record(transcript, "draw_message")
    record(next_send, "draw_next_send")
    record(backend_picker, "draw_picker")
    record(settings_panel, "draw_settings")
    # The answer begins when all is drawn: an answer that has ended is drawn like any other message.
    upstream.plan_replies(StreamReply("Second answer", held=0))
    end_of_page = transcript.LiveAnswer.follow

    def follow(*args: object, **options: object) -> None:
        drawn.append("follow")
        upstream.wait_for_request(1).release()
        end_of_page(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(transcript.LiveAnswer, "follow", follow)
    # There is no browser to wait for.
    wait = "wait_until_shown"
    monkeypatch.setattr(transcript.LiveAnswer, wait, lambda answer: drawn.append(wait))
    page.send("Second")
    # Of the messages the last one is drawn first: it is the question.
    assert drawn[: drawn.index("follow") + 1] == [
        "draw_new_text",
        "draw_message",
        "wait_until_shown",
        "draw_message",
        "draw_message",
        "draw_new_text",
        "draw_next_send",
        "draw_picker",
        "draw_new_text",
        "draw_settings",
        "follow",
    ]
    assert page.first_texts() == ["First", "A short answer.", "Second", "Second answer"]
