"""Patterns for the engine: what it can do is translated, what it cannot do is named and left out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings, strategies

from lib.jsonkit import ecma_regex
from lib.jsonkit.ecma_regex import BadPattern
from lib.jsonkit.engine_pattern import translate

DOT = r"[^\n\r\x{2028}\x{2029}]"

TRANSLATED = {
    r"^\d{3}-\w$": r"^[0-9]{3}\x{2d}[0-9A-Za-z_]$",
    r"^(?<year>\d)+$": r"^(?:[0-9])+$",
    r"^\u0041\u{1F600}\ud83d\ude00\x42\cJ\t\0$": r"^A\x{1f600}\x{1f600}B\x{a}\x{9}\x{0}$",
    r"^\p{Lu}\P{L}[\p{Script=Greek}a]$": r"^\p{Lu}\P{L}[\p{Script=Greek}a]$",
    r"^[a-z&&b]$": r"^[a-z\x{26}\x{26}b]$",
    r"^[+--b]$": r"^[\x{2b}-\x{2d}b]$",
    r"^[[]x[\b]$": r"^[\x{5b}]x[\x{8}]$",
    r"^[^]$": r"^[\x{0}-\x{10ffff}]$",
    r"^[\w-]{2,}$": r"^[[0-9A-Za-z_]\x{2d}]{2,}$",
    r"^a{,3}$": r"^a\x{7b}\x{2c}3\x{7d}$",
    r"\-\/x": r"\x{2d}\x{2f}x",
    r"a.c|^(b|d)?$": rf"a{DOT}c|^(?:b|d)?$",
    r"^a{1,2000}?(?i:b)$": r"^a{1,999}?(?i:b)$",
}


@pytest.mark.parametrize("pattern", TRANSLATED)
def test_translated(pattern: str) -> None:
    ecma_regex.check_pattern(pattern)
    translated = translate(pattern)
    assert translated.parts == (TRANSLATED[pattern],)
    assert not translated.left_out


def test_what_is_ahead_of_the_beginning_is_a_pattern_of_its_own() -> None:
    translated = translate(r"^(?=.*\d)(?=[^x]+$)[a-z\d]{8,}$")
    assert translated.parts == (rf"^(?:{DOT}*[0-9])", "^(?:[^x]+$)", "^[a-z[0-9]]{8,}$")
    assert not translated.left_out


LEFT_OUT = {
    r"^a(?=b)b$": ("^ab$", "look-ahead"),
    r"^(?=a)a|b$": ("^a|b$", "look-ahead"),
    r"^(?!admin)[a-z]+$": ("^[a-z]+$", "negative look-ahead"),
    r"(?<=a)b(?<!c)": ("b", "look-behind"),
    r"\bfoo\B": ("foo", "word boundary"),
    r"^(a|b)\1$": (None, "back reference"),
    r"^(?<n>a)\k<n>$": (None, "back reference"),
    r"^a{1000}$": (None, "more than 999 repetitions"),
    r"^[]$": (None, "empty class"),
    r"^\ud83d$": (None, "half a character"),
}


@pytest.mark.parametrize("pattern", LEFT_OUT)
def test_left_out(pattern: str) -> None:
    ecma_regex.check_pattern(pattern)
    kept, words = LEFT_OUT[pattern]
    translated = translate(pattern)
    assert translated.parts == (() if kept is None else (kept,))
    assert words in translated.left_out[0]


PIECES = strategies.sampled_from(
    [
        *"ab-^$|.*+?()[]{}&",
        r"\d",
        r"\w",
        r"\s",
        r"\S",
        "(?:",
        "(?=",
        "[^",
        "a-c",
        r"\-",
        r"\.",
        "{2}",
        "{1,3}",
    ]
)
TEXTS = strategies.text(strategies.sampled_from("ab-^$.c1_ \n&[{"), max_size=5)


@settings(max_examples=400, derandomize=True)
@given(strategies.lists(PIECES, max_size=9).map("".join), TEXTS)
def test_the_same_matches(pattern: str, text: str) -> None:
    """What matches in JavaScript matches the translation, and the other way round if nothing is left out.

    Python reads the translation as the engine does, but for classes in classes and the form of escapes.
    """
    try:
        ecma_regex.check_pattern(pattern)
    except BadPattern:
        return
    translated = translate(pattern)
    parts = [_as_python(part) for part in translated.parts]
    if None in parts:
        return
    is_match = all(re.search(part, text) for part in parts if part is not None)
    expected = ecma_regex.search(pattern, text) is not None
    assert is_match or not expected, parts
    if not translated.left_out:
        assert is_match == expected, parts


def _as_python(part: str) -> str | None:
    part = re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: f"\\U{int(found[1], 16):08x}", part)
    part = part.replace(r"\p{Zs}", r" \xa0").replace("$", r"\Z")
    nested = re.search(r"\[\^?[^\]]*\[", part)
    return None if nested or re.search(r"[*+?}][*+]|\{[0-9,]+\}[+]", part) else part
