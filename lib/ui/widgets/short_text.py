"""Short texts for one line of the page."""

from __future__ import annotations

from collections.abc import Sequence


def shorten(text: str, max_chars: int) -> str:
    """Return the text with each run of white space as one space, cut with an ellipsis if it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"


def first_names(names: Sequence[str]) -> str:
    """Return the first three names, and how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def count_of(number: int, name: str) -> str:
    """Return a number with what is counted, such as "1 row", "2,000 rows"."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def end_sentence(text: str) -> str:
    """Return the text with a full stop if it has no mark at its end: a server's message often has none."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?", "…")) or not text else f"{text}."
