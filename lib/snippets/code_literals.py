"""Write a JSON value as a readable literal in Python, JavaScript and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Joiners inside emoji and Persian or Hindi words stay as they are. All other invisible characters are written as
# escapes, also those that would show the source in another order than it runs.
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class LiteralSyntax:
    """The syntax of a language's literals. ``text`` writes a string, ``key`` the name of a property.

    ``tab`` is one step of indentation, ``width`` the maximum line length in characters, ``padding`` the space inside
    the braces of an object on one line, and ``last`` follows the last item if each item has its own line.
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
        """Return the literal of a JSON value; its first line begins after ``depth`` steps of indentation."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            # Loops, because a comprehension would take a second frame for each level.
            parts = []
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
        """Join the parts, each on its own line and followed by a comma."""
        indent = self.tab * depth
        return indent + f",\n{indent}".join(parts) + f"{self.last}\n"


def _escape_invisible(text: str, escape: Callable[[str], str], allowed: str = "") -> str:
    """Replace each invisible character by an escape, except those in ``allowed``."""
    if text.isprintable():
        return text
    allowed += _JOINERS
    return "".join(char if char.isprintable() or char in allowed else escape(char) for char in text)


def _quote_on_one_line(text: str, escape: Callable[[str], str]) -> str:
    """Quote a string on one line, with the quotes that need fewer escapes. Backslashes are already doubled."""
    quote = "'" if '"' in text and "'" not in text else '"'
    return quote + _escape_invisible(text.replace(quote, f"\\{quote}"), escape) + quote


def _escape_lines(text: str, escape: Callable[[str], str]) -> str:
    """Keep the lines of a string. A space at the end of a line is escaped, because editors remove it."""
    return re.sub(r" (?=\n)", r"\\x20", _escape_invisible(text, escape, "\n"))


def _python_text(text: str) -> str:
    def escape(char: str) -> str:
        return repr(char)[1:-1]

    text = text.replace("\\", "\\\\")
    if "\n" not in text:
        return _quote_on_one_line(text, escape)
    # No three quotes in a row, and none before the closing quotes.
    text = re.sub(r'"(?="")|"\Z', r"\"", text)
    return f'"""{_escape_lines(text, escape)}"""'


def _javascript_text(text: str) -> str:
    def escape(char: str) -> str:
        code = ord(char)
        short = {"\r": r"\r", "\t": r"\t"}.get(char)
        return short or (f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:x}}}")

    text = text.replace("\\", "\\\\")
    if "\n" not in text:
        return _quote_on_one_line(text, escape)
    return "`" + _escape_lines(text.replace("`", r"\`").replace("${", r"\${"), escape) + "`"


def _javascript_key(name: str) -> str:
    # Without the brackets it would set the object's prototype.
    if name == "__proto__":
        return '["__proto__"]'
    return name if re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", name) else _json_text(name)


def _json_text(text: str) -> str:
    def escape(char: str) -> str:
        return json.dumps(char)[1:-1]

    return _escape_invisible(json.dumps(text, ensure_ascii=False), escape)


PYTHON = LiteralSyntax(_python_text, _python_text, "True", "False", "None", "    ", 88, "", ",")
JAVASCRIPT = LiteralSyntax(_javascript_text, _javascript_key, "true", "false", "null", "  ", 80, " ", ",")
JSON = LiteralSyntax(_json_text, _json_text, "true", "false", "null", "  ", 80, "", "")
