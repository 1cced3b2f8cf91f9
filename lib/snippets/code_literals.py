"""A JSON value as a literal: in Python, in JavaScript, and as JSON itself, laid out to be read and edited."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Joiners within emoji and within Persian or Hindi words. Whatever else cannot be seen is written as an escape, such
# as the characters that would make the source read in another order than it runs.
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class LiteralSyntax:
    """How one language writes values. ``text`` writes a string, ``key`` the name of a property.

    ``true``, ``false`` and ``null`` are its words; ``tab`` is one step of indentation, ``width`` the longest line in
    characters; ``padding`` stands inside the braces of an object on one line, ``last`` after the last item of many.
    """

    text: Callable[[str], str]
    key: Callable[[str], str]
    true: str
    false: str
    null: str
    tab: str
    width: int
    padding: str
    last: str

    def write(self, value: Any, depth: int = 0) -> str:
        """The literal of a JSON value whose first line stands behind ``depth`` steps of indentation."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            parts = []  # loops, not comprehensions: one frame a level lets values nest deeply
            for name, item in value.items():
                parts.append(f"{self.key(name)}: {self.write(item, depth + 1)}")
            return self._enclose("{", parts, "}", self.padding, depth)
        if isinstance(value, (list, tuple)):
            parts = []
            for item in value:
                parts.append(self.write(item, depth + 1))
            return self._enclose("[", parts, "]", "", depth)
        if isinstance(value, bool):
            return self.true if value else self.false
        return self.null if value is None else json.dumps(value)

    def _enclose(self, left: str, parts: list[str], right: str, padding: str, depth: int) -> str:
        if not parts:
            return left + right
        room = self.width - len(self.tab) * depth
        if sum(map(len, parts)) + 2 * len(parts) <= room and not any("\n" in part for part in parts):
            return f"{left}{padding}{', '.join(parts)}{padding}{right}"
        return f"{left}\n{self.join_lines(parts, depth + 1)}{self.tab * depth}{right}"

    def join_lines(self, parts: list[str], depth: int) -> str:
        """Each part on a line of its own, a comma behind it."""
        indent = self.tab * depth
        return indent + f",\n{indent}".join(parts) + f"{self.last}\n"


def _escaped(text: str, escape: Callable[[str], str], kept: str = "") -> str:
    """The text with an escape for each character that cannot be seen; those in ``kept`` stay as they are."""
    if text.isprintable():
        return text
    kept += _JOINERS
    return "".join(one if one.isprintable() or one in kept else escape(one) for one in text)


def _line(text: str, escape: Callable[[str], str]) -> str:
    """A string on one line, in the quotes that need fewer escapes. Backslashes are doubled already."""
    quote = "'" if '"' in text and "'" not in text else '"'
    return quote + _escaped(text.replace(quote, f"\\{quote}"), escape) + quote


def _block(text: str, escape: Callable[[str], str]) -> str:
    """A string's lines as they are. A blank that ends one is written out: an editor would take it away."""
    return re.sub(r" (?=\n)", r"\\x20", _escaped(text, escape, "\n"))


def _python_text(text: str) -> str:
    def escape(one: str) -> str:
        return repr(one)[1:-1]

    text = text.replace("\\", "\\\\")
    if "\n" not in text:
        return _line(text, escape)
    text = re.sub(r'"(?="")|"\Z', r"\"", text)  # no three quotes in a row, none before those that end it
    return f'"""{_block(text, escape)}"""'


def _javascript_text(text: str) -> str:
    def escape(one: str) -> str:
        code = ord(one)
        short = {"\r": r"\r", "\t": r"\t"}.get(one)
        return short or (f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:x}}}")

    text = text.replace("\\", "\\\\")
    if "\n" not in text:
        return _line(text, escape)
    return "`" + _block(text.replace("`", r"\`").replace("${", r"\${"), escape) + "`"


def _javascript_key(name: str) -> str:
    if name == "__proto__":  # without the brackets it would set the object's prototype
        return '["__proto__"]'
    return name if re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", name) else _json_text(name)


def _json_text(text: str) -> str:
    def escape(one: str) -> str:
        return json.dumps(one)[1:-1]

    return _escaped(json.dumps(text, ensure_ascii=False), escape)


PYTHON = LiteralSyntax(_python_text, _python_text, "True", "False", "None", "    ", 88, "", ",")
JAVASCRIPT = LiteralSyntax(_javascript_text, _javascript_key, "true", "false", "null", "  ", 80, " ", ",")
JSON = LiteralSyntax(_json_text, _json_text, "true", "false", "null", "  ", 80, "", "")
