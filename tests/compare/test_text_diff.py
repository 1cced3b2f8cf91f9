"""Differences of two texts: both can be restored, they read well, and their time is limited."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.compare import text_diff
from lib.compare.text_diff import Added, DiffPiece, Removed, Same, diff_words

_WORDS = st.lists(
    st.sampled_from([*"abc", " ", "  ", "\n", ".", "don't", "猫", "が", "e\u0301", "👩\u200d🔬", "न्द"])
)
_TEXTS = st.one_of(st.text(max_size=60), _WORDS.map("".join))


def text_before(pieces: tuple[DiffPiece, ...]) -> str:
    return "".join(piece.text for piece in pieces if not isinstance(piece, Added))


def text_after(pieces: tuple[DiffPiece, ...]) -> str:
    return "".join(piece.text for piece in pieces if not isinstance(piece, Removed))


@given(_TEXTS, _TEXTS)
def test_both_texts_come_back(before: str, after: str) -> None:
    pieces = diff_words(before, after)
    assert text_before(pieces) == before
    assert text_after(pieces) == after
    assert all(piece.text for piece in pieces)
    for one, other in itertools.pairwise(pieces):
        assert type(one) is not type(other)
        assert not (isinstance(one, Added) and isinstance(other, Removed))


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("", "", ()),
        ("The same.", "The same.", (Same("The same."),)),
        ("The cat sat.", "The dog sat.", (Same("The "), Removed("cat"), Added("dog"), Same(" sat."))),
        ("I don't know", "I do know", (Same("I "), Removed("don't"), Added("do"), Same(" know"))),
        ("one two", "one two three", (Same("one two"), Added(" three"))),
        ("猫が好き", "犬が好き", (Removed("猫"), Added("犬"), Same("が好き"))),
        ("cafe\u0301s", "cafes", (Removed("cafe\u0301s"), Added("cafes"))),
        # Words that unrelated texts share by chance do not help a reader.
        ("red green blue", "one two three", (Removed("red green blue"), Added("one two three"))),
        (
            "Rain falls when warm air the rises up quickly now",
            "Snow comes if cold wind the sinks down very slowly",
            (
                Removed("Rain falls when warm air the rises up quickly now"),
                Added("Snow comes if cold wind the sinks down very slowly"),
            ),
        ),
    ],
)
def test_what_is_shown(before: str, after: str, pieces: tuple[DiffPiece, ...]) -> None:
    assert diff_words(before, after) == pieces


def test_what_is_too_long_for_words_is_compared_by_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_diff, "_MAX_COMPARED", 30)
    before, after = "It rains. It is cold. We stay.", "It rains. It is warm. We stay."
    assert diff_words(before, after) == (
        Same("It rains."),
        Removed(" It is cold."),
        Added(" It is warm."),
        Same(" We stay."),
    )
    monkeypatch.setattr(text_diff, "_MAX_COMPARED", 1)
    assert diff_words(before, after) == (
        Same("It rains."),
        Removed(" It is cold."),
        Added(" It is warm."),
        Same(" We stay."),
    )
    long = " ".join(random.Random(1).choices(["the", "cat", "sat.", "on"], k=30))
    assert text_after(diff_words(before, long)) == long
