"""Find problems in a raw prompt, to which no chat template is applied, and split it at its special tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

# The question in the sample of a chat format. It must not occur in a system prompt that a template adds.
SAMPLE_QUESTION = "What is what?"


@dataclass(frozen=True)
class PromptPiece:
    """A piece of the text; ``is_special``: it is one of the model's special tokens."""

    text: str
    is_special: bool


def split_at_special_tokens(text: str, special_tokens: Sequence[str]) -> Iterator[PromptPiece]:
    """Split the text at its special tokens; the tokens are pieces too."""
    if not special_tokens:
        yield PromptPiece(text, False)
        return
    longest_first = sorted(special_tokens, key=len, reverse=True)
    pattern = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")
    for number, part in enumerate(pattern.split(text)):
        if part:
            yield PromptPiece(part, bool(number % 2))


def find_problems(text: str, sample: str, special_tokens: Sequence[str]) -> Iterator[str]:
    """Yield the missing and surplus special tokens of a prompt.

    ``sample`` is SAMPLE_QUESTION in the model's chat format. The special tokens of the prompt should follow each
    other as they do there.
    """
    expected = _special_tokens(sample, special_tokens)
    tokens = [token for token in _special_tokens(text, special_tokens) if token in expected]
    if not expected:
        return
    if not tokens:
        yield (
            "The text has no marks of the model's chat format, so the model simply continues it. "
            f"In that format a prompt begins with {expected[0]}."
        )
        return
    opening = expected[0] if expected.count(expected[0]) == 1 else None
    if opening is not None and opening not in tokens:
        yield f"{opening} is missing at the beginning."
    elif tokens[0] != expected[0]:
        yield f"{expected[0]} is missing before the first {tokens[0]}."
    if opening is not None and tokens.count(opening) > 1:
        yield f"{opening} occurs {tokens.count(opening)} times; it belongs only at the beginning."
    steps = set(pairwise(expected))
    follows = dict(pairwise(expected))
    for first, second in pairwise(tokens):
        lacking = follows.get(first, expected[-1])
        if first == second:
            yield f"{first} occurs twice in a row: remove one, or add {lacking} between them."
            break
        if opening not in (first, second) and (first, second) not in steps:
            yield f"{lacking} is missing between {first} and {second}."
            break
    ends, opens = _find_turn_marks(sample, special_tokens)
    if opens and opens not in text.rpartition(ends)[2]:
        yield f"The beginning of the answer is missing at the end: {opens}"


def _find_turn_marks(sample: str, special_tokens: Sequence[str]) -> tuple[str, str]:
    """Return the token that ends the user's turn in the sample, and the text that opens the assistant's turn."""
    after_question = False
    for piece in split_at_special_tokens(sample, special_tokens):
        if after_question and piece.is_special:
            return piece.text, sample.rpartition(piece.text)[2].strip()
        after_question = after_question or (not piece.is_special and SAMPLE_QUESTION in piece.text)
    return "", ""


def _special_tokens(text: str, special_tokens: Sequence[str]) -> list[str]:
    return [piece.text for piece in split_at_special_tokens(text, special_tokens) if piece.is_special]
