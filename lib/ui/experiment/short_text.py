"""A text in one line, cut to a length."""

from __future__ import annotations


def shorten(text: str, max_chars: int) -> str:
    """Return the text with each run of white space as one space, cut with an ellipsis if it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"
