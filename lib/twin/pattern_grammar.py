"""A regular expression as a rule of a grammar, where it is simple enough: what it matches, inside a JSON string.

A pattern need only be found somewhere in the text, so a text that is nothing but the match is valid.
"""

from __future__ import annotations

import re

MAX_UNBOUNDED_REPEATS = 24  # repetitions of what may be repeated without end
MAX_PATTERN_CHARS = 200  # characters; longer patterns are left to the validation

_ANY = r'[^"\\\x00-\x1f\x7f]'
_SETS = {"d": "0-9", "w": "a-zA-Z0-9_", "s": " "}
_TOKEN = re.compile(
    r"(?P<set>\[\^?(?:[^\\\]\[\"]|\\[dws.+*?()\[\]{}|^$/\-])+\])"
    r"|(?P<escape>\\[dws.+*?()\[\]{}|^$/\-])"
    r"|(?P<times>[*+?]|\{\d{1,3}(?:,\d{0,3})?\})"
    r"|(?P<mark>\((?:\?:)?|\)|\|)"
    r"|(?P<plain>[^\\\[\]\"(){}*+?|^$\x00-\x1f])"
)


def pattern_rule(pattern: str) -> str | None:
    """The rule's body without the quotes of the string; None if the pattern is beyond this."""
    if len(pattern) > MAX_PATTERN_CHARS:
        return None
    inner = pattern.removeprefix("^")
    if inner.endswith("$") and not inner.endswith("\\$"):
        inner = inner[:-1]
    parts: list[str] = []
    at, depth, atom = 0, 0, False
    while at < len(inner):
        found = _TOKEN.match(inner, at)
        if found is None:
            return None
        at, piece, kind = found.end(), found[0], found.lastgroup
        if kind == "times":
            if not atom:  # nothing to repeat, or a lazy or possessive mark
                return None
            parts[-1] += _times(piece)
            atom = False
        elif kind == "mark":
            depth += piece.startswith("(") - (piece == ")")
            if depth < 0:
                return None
            parts.append({")": ")", "|": "|"}.get(piece, "("))
            atom = piece == ")"
        else:
            parts.append(_class(piece) if kind == "set" else _one(piece))
            atom = True
    if (
        depth or re.search(r"(^|[(|]) ?($|[)|])", " ".join(parts)) or not parts
    ):  # an alternative that is empty
        return None
    return f"({' '.join(parts)})"


def _times(piece: str) -> str:
    if piece in "*+?":
        return {"*": f"{{0,{MAX_UNBOUNDED_REPEATS}}}", "+": f"{{1,{MAX_UNBOUNDED_REPEATS}}}", "?": "?"}[piece]
    least, comma, most = piece[1:-1].partition(",")
    if not comma:
        return f"{{{int(least)}}}"
    return f"{{{int(least)},{int(most) if most else int(least) + MAX_UNBOUNDED_REPEATS}}}"


def _one(piece: str) -> str:
    if piece == ".":
        return _ANY
    if piece[0] == "\\":
        return f"[{_SETS[piece[1]]}]" if piece[1] in _SETS else f'"{piece[1]}"'
    return f'"{piece}"'


def _class(piece: str) -> str:
    negated = piece.startswith("[^")
    inner = piece[2:-1] if negated else piece[1:-1]
    body = re.sub(
        r"\\(.)",
        lambda found: _SETS.get(found[1], f"\\{found[1]}" if found[1] in "[]" else f"\\x{ord(found[1]):02x}"),
        inner,
    )
    return f'[^{body}"\\\\\\x00-\\x1f\\x7f]' if negated else f"[{body}]"
