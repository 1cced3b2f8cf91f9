"""The words of an answer, and the input that asks for the token in the place of one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from lib.api.request import Messages, Prompt, Request, RequestInput, Turn, can_continue
from lib.chat.conversation import Conversation, Message, first_prompt

# Chinese, Japanese and Thai are written without spaces, so each of their characters is a word.
_WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\s\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True)
class AnswerWords:
    """The first words of an answer's text, with the first request for it, whose input is ``input``."""

    text: str
    input: RequestInput
    request: Request
    words: tuple[str, ...]
    starts: tuple[int, ...]

    @property
    def is_shortened(self) -> bool:
        """True if the text continues after the last of the words."""
        return bool(self.text[self.starts[-1] + len(self.words[-1]) :].strip())

    def text_before(self, number: int) -> str:
        """Return the text before a word, without the spaces in front of it: they belong to the word's token."""
        return self.text[: self.starts[number]].rstrip(" ")

    def text_from(self, number: int) -> str:
        """Return the rest of the text, from the spaces in front of a word."""
        return self.text[len(self.text_before(number)) :]

    def input_before(self, number: int) -> RequestInput:
        """Return the input of the answer's request, followed by the answer up to a word."""
        written = self.text_before(number)
        if isinstance(self.input, Prompt):
            return replace(self.input, text=self.input.text + written)
        turns = self.input.turns
        return replace(self.input, turns=(*turns, Turn("assistant", written))) if written else self.input


def find_answer_words(conversation: Conversation, message: Message, limit: int) -> AnswerWords | None:
    """Return the first ``limit`` words of a message.

    Return None if it has no words, if no request asked for it, or if its answer cannot be continued.
    """
    if not message.answers or not can_continue(message.answers[0].request):
        return None
    words = [match for _, match in zip(range(limit), _WORD.finditer(message.content), strict=False)]
    if not words:
        return None
    request = message.answers[0].request
    return AnswerWords(
        message.content,
        _input_without_answer(conversation, message, request.input),
        request,
        tuple(match[0] for match in words),
        tuple(match.start() for match in words),
    )


def _input_without_answer(conversation: Conversation, message: Message, input: RequestInput) -> RequestInput:
    """Return the input without the beginning of the answer, which the user may have written before the request."""
    match input:
        case Prompt(text, raw=True):
            return replace(input, text=first_prompt(conversation, message, text))
        case Prompt(text):
            return Messages((Turn("user", first_prompt(conversation, message, text)),))
        case Messages(turns) if turns[-1].role == "assistant":
            return replace(input, turns=turns[:-1])
    return input
