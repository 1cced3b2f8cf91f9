"""Repair texts with lone surrogates: JSON can spell half a character, but it can be neither shown nor sent."""

from __future__ import annotations


def replace_lone_surrogates(text: str) -> str:
    """Join surrogate pairs to characters, and replace lone surrogates by U+FFFD."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
