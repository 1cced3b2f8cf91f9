"""Texts with half characters, which JSON can spell."""

from __future__ import annotations

import pytest

from lib.jsonkit.surrogates import replace_lone_surrogates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Grüße 👋", "Grüße 👋"),
        ("a\ud800", "a\ufffd"),
        ("\ufeffa\ud800", "\ufeffa\ufffd"),
        ("\udc00\ud83d\ude00\ud800!", "\ufffd😀\ufffd!"),
    ],
)
def test_replace_lone_surrogates(text: str, expected: str) -> None:
    assert replace_lone_surrogates(text) == expected
