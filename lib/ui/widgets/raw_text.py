"""Excerpts: a request or a reply as the text that it is, special tokens marked, none of it taken for Markdown."""

from __future__ import annotations

import html
import json
from typing import Any

import streamlit as st

from lib.preflight.raw_prompt import split_at_special_tokens

# More than this is drawn without colours: the highlighter takes seconds for it, and a node for each sign.
MAX_HIGHLIGHTED_CHARS = 4_000
_MARK = "background:rgba(95,160,120,.28);color:inherit;border-radius:3px;padding:0 1px"
_FRAME = (
    "white-space:pre-wrap;overflow-wrap:anywhere;font-family:'Plex Mono',monospace;font-size:.82rem;margin:0;"
    "max-height:{height}px;overflow:auto"
)


def draw_json(value: Any, height: int | str = "content") -> None:
    """The JSON text of a value, with a button that copies it."""
    draw_text(json.dumps(value, ensure_ascii=False, indent=2), "json", height)


def draw_text(text: str, language: str | None, height: int | str = "content") -> None:
    """A text, with a button that copies it; in colours where it is short enough."""
    # The parameter's own type is a Literal among others, which a str does not fit.
    st.code(
        text,
        language=language if len(text) <= MAX_HIGHLIGHTED_CHARS else None,
        wrap_lines=True,
        height=height,  # type: ignore[arg-type]
    )


def draw_with_marked_tokens(text: str, special_tokens: tuple[str, ...], height: int = 260) -> None:
    """A prompt with its special tokens in another colour."""
    marked = "".join(
        f'<mark style="{_MARK}">{html.escape(piece.text)}</mark>'
        if piece.is_special
        else html.escape(piece.text)
        for piece in split_at_special_tokens(text, special_tokens)
    )
    st.html(f'<pre style="{_FRAME.format(height=height)}">{marked}</pre>')
