"""Short texts for one line of the page."""

from __future__ import annotations

import pytest

from lib.ui.widgets.short_text import count_of, end_sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("AiError: bad input", "AiError: bad input."),
        ("It broke. \n", "It broke."),
        ("Why?", "Why?"),
        ("", ""),
    ],
)
def test_a_message_without_a_mark_at_its_end_becomes_a_sentence(text: str, sentence: str) -> None:
    assert end_sentence(text) == sentence


def test_one_thing_is_counted_in_the_singular() -> None:
    assert [count_of(number, "row") for number in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
