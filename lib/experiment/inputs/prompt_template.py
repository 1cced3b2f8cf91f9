"""Template: a text with ``{{variables}}`` in it, found and filled in."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

MAX_VARIABLE_NAME = 80  # characters

# A brace ends the search for the closing ones, so that a text of many braces is still read in one pass.
_PLACE = re.compile(r"\{\{([^{}\n]*)\}\}")
_JOINERS = "\u200c\u200d"  # they shape letters in Persian and in Indian scripts


def _belongs(sign: str) -> bool:
    return sign.isalnum() or sign in "_-" or sign in _JOINERS or unicodedata.category(sign).startswith("M")


@lru_cache(1024)  # of a prompt that is filled in for each of thousands of inputs
def _name(inside: str) -> str | None:
    """What stands between the braces as a name, None where it is none."""
    name = unicodedata.normalize("NFC", inside.strip(" \t"))
    good = 0 < len(name) <= MAX_VARIABLE_NAME and all(_belongs(sign) or sign == " " for sign in name)
    return name if good else None


def template_variables(text: str) -> tuple[str, ...]:
    """The names in it, each once, in the order in which they first appear.

    A name is of letters and digits of any script, ``_``, ``-`` and spaces inside. What stands in double braces and is
    no such name belongs to the text.
    """
    found = (_name(place[1]) for place in _PLACE.finditer(text))
    return tuple(dict.fromkeys(name for name in found if name is not None))


def fill_template(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables' values. In one pass: what a value holds is not filled in again.

    A variable without a value is left as it stands.
    """

    def value(place: re.Match[str]) -> str:
        name = _name(place[1])
        return place[0] if name is None else values.get(name, place[0])

    return _PLACE.sub(value, text)


def make_variable_name(name: str) -> str:
    """That name as a variable can have it: other signs are spaces. Empty where nothing is left."""
    signs = (sign if _belongs(sign) else " " for sign in unicodedata.normalize("NFC", name))
    return " ".join("".join(signs).split())[:MAX_VARIABLE_NAME].strip()


def count_variables(text: str) -> Counter[str]:
    """How often each variable stands in it."""
    found = (_name(place[1]) for place in _PLACE.finditer(text))
    return Counter(name for name in found if name is not None)
