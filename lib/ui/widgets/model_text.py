"""A model's text, JSON and tables, drawn in the browser by code of ours (``browser_code``).

Streamlit's Markdown has a syntax of its own (colours, icons, arrows, formulas between dollars), fetches images, and
differs from CommonMark. What a model wrote must be shown, copied and followed as it stands.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.jsonkit.json_text import object_pairs, write_literal
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.ui.widgets.content_version import content_version

CODE_FOLDER = Path(__file__).with_name("browser_code")
# Below it, a server gives out the folder's modules: lib.ui.shell.browser_code.
CODE_PATH = "/_paddock/code/"
_MAIN_MODULE = "model_text.mjs"
# Names of keyed containers. They are CSS classes, which model_text.mjs, style.mjs and paddock.css refer to.
_LIVE, _SOURCE, _EMPTY = "model-text-live", "model-text-source", "model-text-empty"
# In characters. A text that grows is sent in pieces. Only the last one is sent again when it has grown.
PIECE_CHARS = 300


@cache
def code_version() -> str:
    """Return a hash of all modules: it is part of their address, so that browsers keep them for good."""
    return content_version(CODE_FOLDER.glob("*.mjs"))


# Small, because Streamlit sends it again with each element. Streamlit's own script tells where the server's root is.
_LOADER = f"""
const root = new URL("../../", document.querySelector("script[type=module][src*='static/js/']").src)
const code = import(new URL(".{CODE_PATH}{code_version()}/{_MAIN_MODULE}", root))
export default async view => (await code).draw(view)
"""

_draw = st.components.v2.component("paddock_model_text", js=_LOADER, isolate_styles=False)


def draw_text(text: str, key: str) -> None:
    """Draw a complete text as Markdown. ``key`` is unique on the page."""
    _draw(key=f"model-text-{key}", data={"text": replace_lone_surrogates(text)})


def prepare() -> None:
    """Draw nothing, but let the browser run its code before the page's first text comes."""
    draw_plain("", "nothing")


def draw_plain(text: str, key: str) -> None:
    """Draw a text without any markup. Unlike ``st.text``, this keeps white space at its ends and in its lines."""
    _draw(key=f"model-text-{key}", data={"plain": replace_lone_surrogates(text)})


def draw_code(text: str, language: str, key: str) -> None:
    """Draw code with a copy button. Unlike ``st.code``, this costs the browser nothing before it is drawn.

    Streamlit's code takes a third of a second of processor time to load, and the page stands still meanwhile.
    """
    _draw(key=f"model-text-{key}", data={"code": replace_lone_surrogates(text), "language": language})


def draw_json_tree(value: Any, key: str, *, expanded: int) -> None:
    """Draw a value that ``lib.jsonkit.json_text`` parsed as a tree, its first levels open."""
    # In a tuple, as all lists and mappings here: Streamlit looks into others for tables, and loads pandas for it.
    _draw(key=f"model-text-{key}", data={"tree": (_tree(value),), "expanded": expanded})


def draw_table(columns: Sequence[str], rows: Sequence[Sequence[str]], key: str) -> None:
    """Draw a table of plain texts, which scrolls by itself if it is wide."""
    _draw(key=f"model-text-{key}", data={"columns": tuple(columns), "rows": tuple(map(tuple, rows))})


def _tree(value: Any) -> Any:
    """Return the value as browser_code/json_view.mjs reads it: names and numbers that JavaScript cannot change."""
    match value:
        case str():
            return value
        case dict():
            return {"o": [[name, _tree(part)] for name, part in object_pairs(value)]}
        case list():
            return {"a": [_tree(part) for part in value]}
    return {"l": write_literal(value)}


class Feed(Protocol):
    """Brings a text to the browser beside the script, as long as it is read: ``lib.ui.shell.text_feed``."""

    name: str

    @property
    def is_read(self) -> bool: ...


class LiveText:
    """A text that grows, at the end of the container ``place``. ``key`` is unique on the page.

    The pieces of the text are elements of their own, hidden, whose content the browser's code puts together: one
    element would be sent whole each time. They begin at the same characters in each run of the script, so that what
    another run left on the page is the same text.

    What the browser reads from the ``feed`` is sent at the end only: with other elements, Streamlit keeps it.
    """

    def __init__(
        self, place: DeltaGenerator, key: str, feed: Feed | None = None, *, is_plain: bool = False
    ) -> None:
        """Draw the text as Markdown, or without any markup if it ``is_plain``."""
        name = f"{_LIVE}-{key}"
        box = place.container(key=name, gap=None)
        with box:
            data = {"source": name} | ({} if feed is None else {"feed": feed.name})
            _draw(key=f"{name}-view", data=data | ({"isPlain": True} if is_plain else {}))
        self._key = key
        self._source = box.container(key=f"{_SOURCE}-{key}", gap=None)
        self._feed = feed
        self._pieces: list[DeltaGenerator] = []
        self._text = ""
        self._sent = 0  # characters

    def append(self, text: str) -> None:
        """Add text at the end."""
        self._text += replace_lone_surrogates(text)
        if self._feed is None or not self._feed.is_read:
            self._send()

    def _send(self) -> None:
        while self._sent < len(self._text):
            number = self._sent // PIECE_CHARS
            if number == len(self._pieces):
                self._pieces.append(self._source.empty())
            start = number * PIECE_CHARS
            piece = self._text[start : start + PIECE_CHARS]
            # As JSON: Streamlit would remove white space at the ends and in blank lines.
            self._pieces[number].text(json.dumps(piece, ensure_ascii=False))
            self._sent = start + len(piece)

    def end(self) -> None:
        """Tell the browser that the text is complete."""
        self._send()
        # Without a text there is no gap where it would stand.
        end = self._source if self._text else self._source.container(key=f"{_EMPTY}-{self._key}")
        end.text(".")
