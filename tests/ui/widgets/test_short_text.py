"""Short texts for one line of the page."""

from __future__ import annotations

import pytest

from lib.ui.widgets.short_text import end_sentence


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
