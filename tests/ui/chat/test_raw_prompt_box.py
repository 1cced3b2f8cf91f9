"""The raw prompt: a box of its own, laid out from the conversation, sent as it is, and continued."""

from __future__ import annotations

import pytest

from lib.api.request import Messages, Turn
from lib.model.request_options import InputForm
from lib.preflight import llama3_template
from tests.page.upstream import ErrorReply, StreamReply, Upstream
from tests.ui.app_test_page import WHOLE_APP, AppTestPage, share_address

HEAD = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n"
TAIL = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    """A page with an empty raw prompt."""
    return AppTestPage(share_address("", form=InputForm.PROMPT, raw=True))


def send_prompt(page: AppTestPage, upstream: Upstream, text: str) -> dict[str, object]:
    """Write the raw prompt and send it; return the request as it came."""
    page.choose("raw-prompt", text)
    page.click("raw-send")
    return upstream.requests[-1].body


def test_it_is_laid_out_from_the_conversation(upstream: Upstream) -> None:
    page = AppTestPage(share_address("", "Be brief."))
    upstream.plan_replies(StreamReply("In Portugal."))
    page.send("Where is Lisbon?")
    page.choose("choose-form", InputForm.PROMPT)
    page.choose("choose-raw", True)
    assert len(page.test.chat_input) == 0
    page.click("raw-fill")
    turns = (Turn("system", "Be brief."), Turn("user", "Where is Lisbon?"))
    text = llama3_template.render_prompt(Messages(turns))
    assert page.by_key("raw-prompt").value == text
    assert "In the chat format of Llama 3" in page.text(page.by_key("raw-editor"))
    assert page.by_keys("^mend-raw-") == []
    page.click("raw-send")
    assert upstream.requests[1].body == {
        "prompt": text,
        "raw": True,
        "stream": True,
        "max_tokens": 256,
        "temperature": 0.6,
    }


PROBLEMS = {
    "no special tokens": ("Hello", "The text has no marks of the model's chat format"),
    "no beginning": (
        (HEAD + "Hello" + TAIL).removeprefix("<|begin_of_text|>"),
        "<|begin_of_text|> is missing",
    ),
    "two beginnings": ("<|begin_of_text|>" + HEAD + "Hello" + TAIL, "<|begin_of_text|> occurs 2 times"),
    "no end": (HEAD + "Hello<|eot_id|>", "The beginning of the answer is missing at the end"),
    "a doubled token": (HEAD + "Hello<|eot_id|>" + TAIL, "<|eot_id|> occurs twice in a row"),
}


@pytest.mark.parametrize("what", PROBLEMS)
def test_what_is_wrong_is_named(page: AppTestPage, what: str) -> None:
    text, words = PROBLEMS[what]
    page.choose("raw-prompt", HEAD + "Hello" + TAIL)
    assert page.by_keys("^mend-raw-") == []
    page.choose("raw-prompt", text)
    assert any(words in page.text(box) for box in page.by_keys(r"^mend-raw-\d+$"))


def test_a_send_keeps_the_text(page: AppTestPage, upstream: Upstream) -> None:
    text = HEAD + "Grüß dich!\n\n  Two spaces " + TAIL
    assert send_prompt(page, upstream, text)["prompt"] == text
    assert page.by_key("raw-prompt").value == text
    assert page.first_texts()[0].strip() == text.strip()
    assert send_prompt(page, upstream, text + "Well,")["prompt"] == text + "Well,"


def test_the_text_survives_a_refusal_and_another_form(page: AppTestPage, upstream: Upstream) -> None:
    text = HEAD + "Hello" + TAIL
    upstream.plan_replies(ErrorReply(400, 5006, "AiError: Bad input: '/prompt' is too long"))
    send_prompt(page, upstream, text)
    assert any("5006" in error for error in page.errors())
    assert page.by_key("raw-prompt").value == text
    page.choose("choose-form", InputForm.MESSAGES)
    assert len(page.test.chat_input) == 1
    page.choose("choose-form", InputForm.PROMPT)
    assert page.by_key("raw-prompt").value == text


def test_the_text_survives_another_page(upstream: Upstream) -> None:
    text = HEAD + "Hello" + TAIL
    page = AppTestPage(share_address("", form=InputForm.PROMPT, raw=True), WHOLE_APP)
    page.choose("raw-prompt", text).go_to("model")
    assert not page.has_key("raw-prompt")
    page.go_to("chat")
    assert page.by_key("raw-prompt").value == text
    page.click("raw-send")
    assert upstream.requests[0].body["prompt"] == text


def test_an_empty_prompt_is_not_sent(page: AppTestPage, upstream: Upstream) -> None:
    assert page.by_key("raw-send").disabled
    assert upstream.requests == []


def test_continue_sends_prompt_and_answer(page: AppTestPage, upstream: Upstream) -> None:
    text = HEAD + "Count" + TAIL
    upstream.plan_replies(
        StreamReply("One, two,", ends="cut"), StreamReply(" three.", ends="cut"), StreamReply(" Four.")
    )
    send_prompt(page, upstream, text)
    page.click(page.by_keys("^resume-")[0].key)
    assert upstream.requests[1].body["prompt"] == text + "One, two,"
    assert upstream.requests[1].body["raw"] is True
    page.click(page.by_keys("^resume-")[0].key)
    assert upstream.requests[2].body["prompt"] == text + "One, two, three."
    assert page.first_texts()[-1] == "One, two, three. Four."
    assert len(page.answers) == 1
