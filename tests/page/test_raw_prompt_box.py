"""The raw prompt: a box of its own, laid out from the conversation, sent as it is, and gone on from."""

from __future__ import annotations

import pytest

from lib.api.request import Messages, Turn
from lib.model.request_options import InputForm
from lib.preflight import llama3_template
from tests.page import chat_controls
from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab, wait_for_value
from tests.page.conftest import Visit
from tests.page.upstream import ErrorReply, StreamReply, Upstream

HEAD = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n"
TAIL = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"


@pytest.fixture
def tab(visit: Visit, app: AppProcess, upstream: Upstream) -> BrowserTab:
    """A tab where a raw prompt is written."""
    tab = visit(app.url)
    tab.page.goto(app.url + chat_controls.share_address("", form=InputForm.PROMPT, raw=True))
    chat_controls.prompt_box(tab).wait_for()
    tab.wait_until_idle()
    return tab


def send(tab: BrowserTab, upstream: Upstream) -> dict[str, object]:
    """Send the box; the request as it came."""
    number = len(upstream.requests)
    tab.by_key("raw-send").get_by_role("button").click()
    return chat_controls.wait_for_reply(tab, upstream, number).body


def test_it_is_laid_out_from_the_conversation(visit: Visit, app: AppProcess, upstream: Upstream) -> None:
    tab = visit(app.url, chat_controls.share_address("", "Be brief."))
    upstream.plan_replies(StreamReply("In Portugal."))
    chat_controls.send_message(tab, upstream, "Where is Lisbon?")
    chat_controls.choose_form(tab, "Prompt")
    chat_controls.toggle_option(tab, "raw")
    assert tab.chat_box.count() == 0
    tab.button("Lay out the conversation").click()
    turns = (Turn("system", "Be brief."), Turn("user", "Where is Lisbon?"))
    text = llama3_template.render_prompt(Messages(turns))
    tab.wait_until("the text", lambda: chat_controls.prompt_box(tab).input_value() == text)
    tab.wait_until_idle()
    assert "In Llama 3's format" in tab.by_key("raw-editor").inner_text()
    assert tab.page.locator("[class*='st-key-mend-raw-']").count() == 0
    assert send(tab, upstream) == {
        "prompt": text,
        "raw": True,
        "stream": True,
        "max_tokens": 256,
        "temperature": 0.6,
    }


def test_special_tokens_are_marked(tab: BrowserTab) -> None:
    chat_controls.write_prompt(tab, HEAD + "Is <b>this</b> <|eot|> one?" + TAIL)
    tab.by_key("raw-marked").locator("summary").click()
    marked = tab.by_key("raw-marked")
    tab.wait_until("the marks", lambda: marked.locator("mark").count())
    assert marked.locator("mark").all_inner_texts() == [
        "<|begin_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
    ]
    assert "Is <b>this</b> <|eot|> one?" in marked.locator("pre").inner_text()


PROBLEMS = {
    "none of them": ("Hello", "No special token of the model's format stands in it"),
    "no beginning": (
        (HEAD + "Hello" + TAIL).removeprefix("<|begin_of_text|>"),
        "<|begin_of_text|> is missing",
    ),
    "two beginnings": ("<|begin_of_text|>" + HEAD + "Hello" + TAIL, "<|begin_of_text|> stands there 2 times"),
    "no end": (HEAD + "Hello<|eot_id|>", "The beginning of the assistant's turn is missing at the end"),
    "a doubled one": (HEAD + "Hello<|eot_id|>" + TAIL, "<|eot_id|> stands there twice in a row"),
}


@pytest.mark.parametrize("what", PROBLEMS)
def test_what_is_wrong_is_named(tab: BrowserTab, what: str) -> None:
    text, words = PROBLEMS[what]
    chat_controls.write_prompt(tab, HEAD + "Hello" + TAIL)
    place = tab.page.locator("[class*='st-key-mend-raw-']")
    tab.wait_until("nothing is wrong", lambda: place.count() == 0)
    chat_controls.write_prompt(tab, text)
    tab.wait_until(words, lambda: any(words in said for said in place.all_inner_texts()))


def test_a_send_keeps_the_text(tab: BrowserTab, upstream: Upstream) -> None:
    text = HEAD + "Grüß dich!\n\n  Two spaces " + TAIL
    chat_controls.write_prompt(tab, text)
    assert send(tab, upstream)["prompt"] == text
    wait_for_value(chat_controls.prompt_box(tab), text)
    assert tab.question_text().strip() == text.strip()
    chat_controls.write_prompt(tab, text + "Well,")
    assert send(tab, upstream)["prompt"] == text + "Well,"


def test_the_text_survives_a_refusal_a_page_and_another_form(tab: BrowserTab, upstream: Upstream) -> None:
    text = HEAD + "Hello" + TAIL
    chat_controls.write_prompt(tab, text)
    upstream.plan_replies(ErrorReply(400, 5006, "AiError: Bad input: '/prompt' is too long"))
    send(tab, upstream)
    tab.alerts.get_by_text("5006").first.wait_for()
    wait_for_value(chat_controls.prompt_box(tab), text)
    tab.go_to_page("Model")
    tab.page.get_by_text("As documented on").first.wait_for()
    tab.go_to_page("Chat")
    tab.wait_until(
        "it is there",
        lambda: chat_controls.prompt_box(tab).count() and chat_controls.prompt_box(tab).input_value() == text,
    )
    tab.wait_until_idle()
    chat_controls.choose_form(tab, "Messages")
    tab.chat_box.wait_for()
    chat_controls.choose_form(tab, "Prompt")
    tab.wait_until(
        "it is back",
        lambda: chat_controls.prompt_box(tab).count() and chat_controls.prompt_box(tab).input_value() == text,
    )


def test_an_empty_one_is_not_sent(tab: BrowserTab, upstream: Upstream) -> None:
    assert tab.by_key("raw-send").get_by_role("button").is_disabled()
    assert upstream.requests == []


def test_continue_goes_on_from_prompt_and_answer(tab: BrowserTab, upstream: Upstream) -> None:
    text = HEAD + "Count" + TAIL
    upstream.plan_replies(
        StreamReply("One, two,", ends="cut"), StreamReply(" three.", ends="cut"), StreamReply(" Four.")
    )
    chat_controls.write_prompt(tab, text)
    send(tab, upstream)
    tab.answers.last.get_by_role("button", name="Continue").click()
    tab.wait_until("the second", lambda: len(upstream.requests) == 2)
    chat_controls.wait_for_reply(tab, upstream, 1)
    assert upstream.requests[1].body["prompt"] == text + "One, two,"
    assert upstream.requests[1].body["raw"] is True
    tab.answers.last.get_by_role("button", name="Continue").click()
    tab.wait_until("the third", lambda: len(upstream.requests) == 3)
    chat_controls.wait_for_reply(tab, upstream, 2)
    assert upstream.requests[2].body["prompt"] == text + "One, two, three."
    tab.wait_for_answer("One, two, three. Four.")
    assert tab.answers.count() == 1
