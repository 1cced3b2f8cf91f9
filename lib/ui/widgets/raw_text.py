"""Requests and replies as plain text, never as Markdown, with special tokens marked."""

from __future__ import annotations

import html
import json
from typing import Any

import streamlit as st

from lib.preflight.raw_prompt import split_at_special_tokens

# Longer texts are not highlighted: that takes the browser seconds, and an element for each character.
MAX_HIGHLIGHTED_CHARS = 4_000
_MARK = "background:rgba(95,160,120,.28);color:inherit;border-radius:3px;padding:0 1px"
_FRAME = (
    "white-space:pre-wrap;overflow-wrap:anywhere;font-family:'Plex Mono',monospace;font-size:.82rem;margin:0;"
    "max-height:{height}px;overflow:auto"
)


def draw_json(value: Any, height: int | str = "content") -> None:
    """Draw the JSON text of a value, with a copy button."""
    draw_text(json.dumps(value, ensure_ascii=False, indent=2), "json", height)


def draw_text(text: str, language: str | None, height: int | str = "content") -> None:
    """Draw a text with a copy button, highlighted if it is short enough."""
    # Streamlit's type of height has a Literal in it, which a str does not fit.
    st.code(
        text,
        language=language if len(text) <= MAX_HIGHLIGHTED_CHARS else None,
        wrap_lines=True,
        height=height,  # type: ignore[arg-type]
    )


def draw_with_marked_tokens(text: str, special_tokens: tuple[str, ...], height: int) -> None:
    """Draw a prompt with its special tokens in another colour."""
    marked = "".join(
        f'<mark style="{_MARK}">{html.escape(piece.text)}</mark>'
        if piece.is_special
        else html.escape(piece.text)
        for piece in split_at_special_tokens(text, special_tokens)
    )
    st.html(f'<pre style="{_FRAME.format(height=height)}">{marked}</pre>')
