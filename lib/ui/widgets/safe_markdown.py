"""Make a model's Markdown safe, so that the browser fetches nothing, and split it into blocks while it streams."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from lib.jsonkit.surrogates import replace_lone_surrogates

# "![" begins an image, which the browser would fetch from any URL that a model wrote. With an invisible U+2060 WORD
# JOINER between the two characters it is a "!" and a link, and a link is fetched only when the user clicks it.
_JOINER = "\u2060"
_IMAGE = re.compile(r"!(?=\[)")
# Streamlit's own syntax must stay text: ":red[…]" needs a backslash, ":smile:" and ":material/…:" the joiner.
_DIRECTIVE = re.compile(r":(?=[a-z][\w-]*\[)")
_SHORTCODE = re.compile(r":(?=[a-z][\w+-]*:|material/)")
# Streamlit turns "<=", "->" and the like into one character, and "--" into a dash.
_LIGATURE = re.compile(r"<(?=[-=])|-(?=>)|>(?==)|~(?==)|(?<=[\w ])-(?=-[\w ])")
_CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(?:[^`\n]|\n(?![ \t]*\n)|(?!(?<!`)\1(?!`))`)*?(?<!`)\1(?!`)")
# The browser's parser makes a link of text with one of these, even if it is escaped.
_LINK = re.compile(r"://|www\.|@", re.IGNORECASE)
_DOLLAR = re.compile(r"(?<!\\)(\\*)\$")
_FENCE = re.compile(r"^([ \t]*)(`{3,}(?=[^`]*$)|~{3,})[ \t]*([^\s`{]*)")
_TABLE = re.compile(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*\|", re.MULTILINE)  # the line under a table's head
# An incomplete line that could still become a fence.
_UNSURE = re.compile(r"^[ \t]*(`{1,3}|~{1,3})[^`\s]*$")

_MIN_BLOCK_CHARS = 300


@dataclass(frozen=True)
class Prose:
    """Markdown without fenced code."""

    text: str


@dataclass(frozen=True)
class Code:
    """The inside of a code fence; ``language`` is None if the fence names none."""

    text: str
    language: str | None


Block = Prose | Code


def make_safe(prose: str) -> str:
    """Return Markdown in which a dollar is a dollar, and which makes the browser fetch nothing."""
    parts: list[str] = []
    position = 0
    for span in _CODE_SPAN.finditer(prose):
        parts += (_literal(prose[position : span.start()]), span.group())
        position = span.end()
    parts.append(_literal(prose[position:]))
    # Also inside code spans: the browser's parser may not see a span where this one does.
    return _IMAGE.sub("!" + _JOINER, "".join(parts))


def _literal(text: str) -> str:
    """Escape dollars, directives and shortcodes in text outside of code."""
    # "$x$" would be a formula. A dollar that is escaped already is left alone.
    text = _DOLLAR.sub(lambda match: match[0] if len(match[1]) % 2 else match[1] + "\\$", text)
    text = _SHORTCODE.sub(":" + _JOINER, _DIRECTIVE.sub("\\:", text))
    return _LIGATURE.sub(lambda match: match[0] + _JOINER, text)


class BlockSplitter:
    """Splits streaming Markdown into finished blocks, which never change again, and a tail.

    Prose ends at a blank line once it has 300 characters, and where a code fence begins. Code ends at its closing
    fence.
    """

    def __init__(self) -> None:
        self.finished: list[Block] = []
        self._lines: list[str] = []
        self._size = 0
        self._blank = False  # the last line was blank
        self._partial = ""
        self._fence: tuple[str, str, str | None] | None = None  # indent, marker, language

    def feed(self, text: str) -> None:
        """Add text; its pieces may end anywhere."""
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            self._line(line)

    def tail(self, *, ended: bool = False) -> Block | None:
        """Return the unfinished block as it can be drawn, None if it is empty. ``ended``: no more text comes."""
        # What may become a fence must not appear as text for a moment.
        partial = "" if not ended and _UNSURE.match(self._partial) else self._partial
        if self._fence is not None:
            if ended and self._closes_fence(partial):
                partial = ""
            return self._code([*self._lines, partial] if partial else self._lines)
        if not (text := "\n".join([*self._lines, partial])).strip():
            return None
        return Prose(_remove_indent(text if ended else _close_markup(text)))

    def _line(self, line: str) -> None:
        if self._fence is not None:
            if self._closes_fence(line):
                self.finished.append(self._code(self._lines))
                self._fence = None
                self._reset()
            else:
                self._lines.append(line)
        elif opening := _FENCE.match(line):
            self._finish()
            self._fence = (opening[1], opening[2], opening[3] or None)
        else:
            if self._blank and self._size >= _MIN_BLOCK_CHARS and line[:1].strip():
                self._finish()  # an indented line would belong to the list item before it
            self._lines.append(line)
            self._size += len(line) + 1
            self._blank = not line.strip()

    def _closes_fence(self, line: str) -> bool:
        assert self._fence is not None  # noqa: S101
        marker, line = self._fence[1], line.strip()
        return len(line) >= len(marker) and not line.strip(marker[0])

    def _finish(self) -> None:
        if (text := "\n".join(self._lines)).strip():
            self.finished.append(Prose(_remove_indent(text)))
        self._reset()

    def _reset(self) -> None:
        self._lines, self._size, self._blank = [], 0, False

    def _code(self, lines: list[str]) -> Code:
        assert self._fence is not None  # noqa: S101
        indent, _, language = self._fence
        return Code("\n".join(line.removeprefix(indent) for line in lines), language)


def has_table(prose: str) -> bool:
    """Return True if the Markdown has a table, which may be wider than the page."""
    return _TABLE.search(prose) is not None


def split_blocks(text: str) -> Iterator[Block]:
    """Split a whole text into the same blocks as if it had been streamed."""
    splitter = BlockSplitter()
    splitter.feed(text)
    yield from splitter.finished
    if (tail := splitter.tail(ended=True)) is not None:
        yield tail


def _remove_indent(text: str) -> str:
    """Remove the indent that an indented fence left to the text after it: else the text would be drawn as code."""
    return textwrap.dedent(text) if text[:1] in (" ", "\t") else text


def _close_markup(text: str) -> str:
    """Close an open code span or emphasis of unfinished prose, so that it looks as it will in the end."""
    last_line = text.rpartition("\n")[2]
    outside_code = _CODE_SPAN.sub("", last_line)
    if "`" in outside_code:
        return f"{text.rstrip()}`"
    for mark in ("**", "__"):
        if outside_code.count(mark) % 2:
            # "a **" with another "**" would show four asterisks.
            stripped = text.rstrip()
            return stripped[: -len(mark)] if stripped.endswith(mark) else stripped + mark
    return text


def escape_markdown(text: str) -> str:
    """Escape a text as Markdown that shows each character and has no links; a lone surrogate becomes U+FFFD."""
    text = _LINK.sub(lambda match: match[0][0] + _JOINER + match[0][1:], replace_lone_surrogates(text))
    return "".join(f"\\{char}" if char in "\\`*_[]<>:$#~!|" else char for char in text)
