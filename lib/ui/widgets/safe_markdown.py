"""Escape texts for Streamlit's Markdown, which labels, captions and messages are written in."""

from __future__ import annotations

import re

from lib.jsonkit.surrogates import replace_lone_surrogates

_JOINER = "\u2060"  # an invisible U+2060 WORD JOINER
# The browser's parser makes a link of text with one of these, even if it is escaped.
_LINK = re.compile(r"://|www\.|@", re.IGNORECASE)
# Streamlit turns "<=", "->" and the like into one character, and "--" into a dash.
_LIGATURE = re.compile(r"<(?=[-=])|-(?=>)|>(?==)|~(?==)|(?<=[\w ])-(?=-[\w ])")


def escape_markdown(text: str) -> str:
    """Escape a text as Markdown that shows each character and has no links; a lone surrogate becomes U+FFFD."""
    text = _LINK.sub(lambda match: match[0][0] + _JOINER + match[0][1:], replace_lone_surrogates(text))
    text = _LIGATURE.sub(lambda match: match[0] + _JOINER, text)
    return "".join(f"\\{char}" if char in "\\`*_[]<>:$#~!|" else char for char in text)
