"""Lone surrogates: halves of UTF-16 pairs. Python and JSON can hold them in a text; UTF-8 cannot."""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def find_surrogate(text: str) -> int | None:
    """Return the position of the first surrogate, None if the text has none."""
    if text.isascii():
        return None
    match = _SURROGATE.search(text)
    return None if match is None else match.start()


def replace_lone_surrogates(text: str) -> str:
    """Join the surrogates that belong together, and replace each lone one by U+FFFD."""
    if find_surrogate(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def encode_utf8(text: str) -> bytes:
    """Encode any text, with U+FFFD for each lone surrogate."""
    return replace_lone_surrogates(text).encode("utf-8")


def utf8_size(text: str) -> int:
    """Return the number of bytes in UTF-8; a lone surrogate counts as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
