"""Lone surrogates are found and replaced; all other text stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.jsonkit.surrogates import encode_utf8, find_surrogate, replace_lone_surrogates, utf8_size


@given(st.text(st.characters(exclude_categories=[])))
def test_any_text_can_be_encoded(text: str) -> None:
    assert encode_utf8(text) == replace_lone_surrogates(text).encode()
    assert utf8_size(text) == len(text.encode("utf-8", "surrogatepass"))
    assert find_surrogate(replace_lone_surrogates(text)) is None


@given(st.text())
def test_text_without_surrogates_stays(text: str) -> None:
    assert find_surrogate(text) is None
    assert replace_lone_surrogates(text) == text


@pytest.mark.parametrize(
    ("text", "position", "replaced"),
    [
        ("a\ud83d", 1, "a\ufffd"),
        ("\ud83d\ude00", 0, "😀"),
        ("\udc00\ud83d\ude00\ud800!", 0, "\ufffd😀\ufffd!"),
        ("\ufeffé\udfff", 2, "\ufeffé\ufffd"),
    ],
)
def test_pairs_are_joined_and_lone_surrogates_replaced(text: str, position: int, replaced: str) -> None:
    assert find_surrogate(text) == position
    assert replace_lone_surrogates(text) == replaced
