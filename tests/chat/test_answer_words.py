"""The words of an answer, and the input up to one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lib.api.request import Messages, Prompt, RequestInput, Turn, build_request
from lib.chat.answer import Answer, Ending, Timings
from lib.chat.answer_words import AnswerWords, find_answer_words
from lib.chat.conversation import Conversation, Message
from lib.model.model_record import default_model
from lib.model.request_options import ResponseFormat

QUESTION = Turn("user", "What is the capital of France?")
TEXT = "The capital is  Paris.\n\nIt is big."


def find_words(
    input: RequestInput, text: str = TEXT, limit: int = 100, format: ResponseFormat | None = None
) -> AnswerWords | None:
    """Return the words of the answer to a request with that input."""
    request = build_request(default_model(), input, response_format=format)
    answer = Answer(text, request, "twin", False, None, Timings(0.1, 0.2), Ending.FINISHED)
    question = Message("user", QUESTION.content)
    message = Message("assistant", text, question.id, (answer,))
    return find_answer_words(Conversation(messages=(question, message)), message, limit)


def require_words(input: RequestInput, text: str = TEXT) -> AnswerWords:
    words = find_words(input, text)
    assert words is not None
    return words


def test_the_request_of_the_answer_followed_by_the_answer_up_to_the_word() -> None:
    input = Messages((Turn("system", "Be short."), QUESTION))
    words = require_words(input)
    assert words.words == ("The", "capital", "is", "Paris.", "It", "is", "big.")
    assert words.input_before(0) == input
    assert words.input_before(3) == replace(input, turns=(*input.turns, Turn("assistant", "The capital is")))
    assert words.text_from(3) == "  Paris.\n\nIt is big."
    # A line break is a token of its own.
    assert words.text_before(4) == "The capital is  Paris.\n\n"


def test_an_answer_that_was_begun_by_the_user() -> None:
    words = require_words(Messages((QUESTION, Turn("assistant", "The capital"))))
    assert words.input_before(0) == Messages((QUESTION,))
    assert words.input_before(1) == Messages((QUESTION, Turn("assistant", "The")))
    assert require_words(Prompt(QUESTION.content + "The capital", raw=True)).input_before(1) == Prompt(
        f"{QUESTION.content}The", raw=True
    )


def test_prompts() -> None:
    assert require_words(Prompt(QUESTION.content)).input_before(1) == Messages(
        (QUESTION, Turn("assistant", "The"))
    )
    assert require_words(Prompt(QUESTION.content, raw=True, lora="mine")).input_before(0) == Prompt(
        QUESTION.content, raw=True, lora="mine"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("巴黎很大 (Paris)", ("巴", "黎", "很", "大", "(Paris)")),
        ("- one\n- two", ("-", "one", "-", "two")),
        ("A–B, <b>", ("A–B,", "<b>")),
    ],
)
def test_words_of_other_texts(text: str, expected: tuple[str, ...]) -> None:
    assert require_words(Messages((QUESTION,)), text).words == expected


def test_the_first_words_of_a_long_answer() -> None:
    words = find_words(Messages((QUESTION,)), "so " * 500, 200)
    assert words is not None
    assert len(words.words) == 200
    assert words.is_shortened
    assert not require_words(Messages((QUESTION,)), "so it is. ").is_shortened


def test_what_has_no_words_to_explain() -> None:
    assert find_words(Messages((QUESTION,)), " \n") is None
    assert find_words(Messages((QUESTION,)), '{"a": 1}', format=ResponseFormat(None)) is None
    assert find_words(Prompt(QUESTION.content, lora="mine")) is None
    typed = Message("assistant", TEXT)
    assert find_answer_words(Conversation(messages=(typed,)), typed, 100) is None
