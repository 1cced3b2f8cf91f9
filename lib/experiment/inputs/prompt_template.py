"""Templates: texts with ``{{variables}}``, found and filled."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

MAX_VARIABLE_NAME = 80  # characters

# Excluding braces inside keeps the search linear for a text of many braces.
_PLACEHOLDER = re.compile(r"\{\{([^{}\n]*)\}\}")
_SPACES = re.compile("[ \t\u00a0\u202f]+")  # texts from web pages and word processors hold no-break spaces
_JOINERS = "\u200c\u200d"  # used in Persian and Indian scripts


def _is_name_character(sign: str) -> bool:
    return sign.isalnum() or sign in "_-" or sign in _JOINERS or unicodedata.category(sign).startswith("M")


@lru_cache(1024)  # a prompt is filled for each of thousands of inputs
def _parse_name(inside: str) -> str | None:
    """Return the variable's name between the braces, None if it is not a valid name."""
    name = unicodedata.normalize("NFC", _SPACES.sub(" ", inside).strip(" "))
    if not 0 < len(name) <= MAX_VARIABLE_NAME:
        return None
    return name if all(_is_name_character(sign) or sign == " " for sign in name) else None


def template_variables(text: str) -> tuple[str, ...]:
    """Return the names of the variables, each once, in order of first appearance.

    A name consists of letters and digits of any script, ``_``, ``-`` and inner spaces. Double braces around
    anything else are plain text.
    """
    return tuple(count_variables(text))


def find_written_headings(text: str, columns: Iterable[str]) -> Mapping[str, str]:
    """Return the double braces that are plain text but hold a column's heading, each with the column's name.

    A heading has characters that a variable's name cannot have: {{Price (€)}} for the column “Price”.
    """
    names = {column.casefold(): column for column in columns}
    written = [place[1].strip() for place in _PLACEHOLDER.finditer(text) if _parse_name(place[1]) is None]
    made = {inside: make_variable_name(inside).casefold() for inside in written}
    return {inside: names[name] for inside, name in made.items() if name in names}


def fill_template(text: str, values: Mapping[str, str]) -> str:
    """Replace the variables by their values, in one pass: braces inside a value are not filled again.

    A variable without a value stays as it is.
    """

    def value(place: re.Match[str]) -> str:
        name = _parse_name(place[1])
        return place[0] if name is None else values.get(name, place[0])

    return _PLACEHOLDER.sub(value, text)


def make_variable_name(name: str) -> str:
    """Turn a name into one that a variable can have: other characters become spaces. May return ""."""
    signs = (sign if _is_name_character(sign) else " " for sign in unicodedata.normalize("NFC", name))
    return " ".join("".join(signs).split())[:MAX_VARIABLE_NAME].strip()


def count_variables(text: str) -> Counter[str]:
    """Count how often each variable occurs."""
    names = (_parse_name(place[1]) for place in _PLACEHOLDER.finditer(text))
    return Counter(name for name in names if name is not None)
