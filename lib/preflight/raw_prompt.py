"""Raw prompt: what is wrong with a prompt that no chat template is applied to, and where its special tokens stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

# What the sample of a chat format asks. No system prompt that a template brings along may hold it.
SAMPLE_QUESTION = "What is what?"


@dataclass(frozen=True)
class PromptPiece:
    """A part of the text; ``special``: it is one of the model's control tokens."""

    text: str
    is_special: bool


def split_at_special_tokens(text: str, special_tokens: Sequence[str]) -> Iterator[PromptPiece]:
    """The text, cut at its special tokens."""
    if not special_tokens:
        yield PromptPiece(text, False)
        return
    longest_first = sorted(special_tokens, key=len, reverse=True)
    pattern = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")
    for number, part in enumerate(pattern.split(text)):
        if part:
            yield PromptPiece(part, bool(number % 2))


def find_problems(text: str, sample: str, special_tokens: Sequence[str]) -> Iterator[str]:
    """What a prompt lacks or has too often, held against ``sample``: QUESTION in the model's own format.

    There the special tokens follow each other in a fixed way; so they should here, whatever stands between them.
    """
    right = _tokens(sample, special_tokens)
    found = [token for token in _tokens(text, special_tokens) if token in right]
    if not right:
        return
    if not found:
        yield (
            "No special token of the model's format stands in it: the model goes on with the text as it is. "
            f"In its own format a prompt begins with {right[0]}."
        )
        return
    opening = right[0] if right.count(right[0]) == 1 else None
    if opening is not None and opening not in found:
        yield f"{opening} is missing: it belongs at the very beginning."
    elif found[0] != right[0]:
        yield f"{right[0]} is missing before the first {found[0]}."
    if opening is not None and found.count(opening) > 1:
        yield f"{opening} stands there {found.count(opening)} times; it belongs at the beginning alone."
    steps = set(pairwise(right))
    follows = dict(pairwise(right))
    for first, second in pairwise(found):
        lacking = follows.get(first, right[-1])
        if first == second:
            yield f"{first} stands there twice in a row: one is too many, or {lacking} is missing."
            break
        if opening not in (first, second) and (first, second) not in steps:
            yield f"{lacking} is missing between {first} and {second}."
            break
    ends, opens = _turns(sample, special_tokens)
    if opens and opens not in text.rpartition(ends)[2]:
        yield f"The beginning of the assistant's turn is missing at the end: {opens}"


def _turns(sample: str, special_tokens: Sequence[str]) -> tuple[str, str]:
    """The token that ends the user's turn in the sample, and what opens the assistant's after it."""
    asked = False
    for piece in split_at_special_tokens(sample, special_tokens):
        if asked and piece.is_special:
            return piece.text, sample.rpartition(piece.text)[2].strip()
        asked = asked or (not piece.is_special and SAMPLE_QUESTION in piece.text)
    return "", ""


def _tokens(text: str, special_tokens: Sequence[str]) -> list[str]:
    return [piece.text for piece in split_at_special_tokens(text, special_tokens) if piece.is_special]
