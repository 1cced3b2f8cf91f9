"""The regular expressions of JSON Schema: JavaScript's (ECMA-262), which Python's ``re`` reads otherwise.

A match may take forever and holds the interpreter's lock meanwhile: match only in a ``ChildProcess``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema
import regress

from lib.jsonkit.surrogates import replace_lone_surrogates

# The time to compile a pattern grows with the square of its length: 2 ms for 1,000 characters, 15 s for 64,000.
MAX_PATTERN_CHARS = 1_000

# Without the "u" flag, JavaScript takes any other escaped letter for the letter itself: "\Z" for "Z".
_ESCAPES_WITHOUT_U = re.compile(r"(?:[^\\]|\\[bBcdDfknrsStuvwWx]|\\[^a-zA-Z])*", re.DOTALL)


class BadPattern(ValueError):
    """A text that is not a regular expression; the message is the end of a sentence, without a full stop."""


def check_pattern(pattern: str) -> None:
    """Raise BadPattern if JavaScript would not compile the pattern, or if it is longer than MAX_PATTERN_CHARS."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise BadPattern(f"it has {len(pattern):,} characters, more than {MAX_PATTERN_CHARS:,}")
    _compile(pattern)


@lru_cache(maxsize=1_000)
def _compile(pattern: str) -> regress.Regex:
    """Compile with the "u" flag, as JSON Schema advises; else without it, for schemas with an escape too many."""
    text = replace_lone_surrogates(pattern)
    try:
        return regress.Regex(text, "u")
    except regress.RegressError as error:
        message = str(error).rstrip(".")
    if _ESCAPES_WITHOUT_U.fullmatch(text):
        try:
            return regress.Regex(text)
        except regress.RegressError:
            pass
    raise BadPattern(message[:1].lower() + message[1:])


def search(pattern: str, text: str) -> regress.Match | None:
    """Return the first match in the text. Raise BadPattern."""
    return _compile(pattern).find(replace_lone_surrogates(text))


def use_in_jsonschema() -> None:
    """Let jsonschema match patterns by ``search``, in this whole process: it has no setting for that."""
    for module in (jsonschema._keywords, jsonschema._legacy_keywords, jsonschema._utils):
        module.re = sys.modules[__name__]
    jsonschema._keywords.find_additional_properties = _find_additional_properties


def _find_additional_properties(instance: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """Yield the names that no keyword names. Jsonschema's own joins all patterns, which changes back references."""
    patterns = schema.get("patternProperties", {})
    for name in instance:
        if name not in schema.get("properties", {}) and not any(
            search(pattern, name) for pattern in patterns
        ):
            yield name
