"""The browser's title and the only heading of the first level on each page."""

from __future__ import annotations

import streamlit as st

from lib.ui.widgets.safe_markdown import escape_markdown

_MAX_NAME_CHARS = 60


def set_browser_title(page: str, name: str = "") -> None:
    """Set the browser's title: the name of what is open on the page, then the page."""
    st.set_page_config(page_title=" · ".join(part for part in (_shorten(name), page, "Paddock") if part))


def draw_hidden_heading(page: str, name: str = "") -> None:
    """Set the browser's title, and draw the same as a heading that only assistive technology shows.

    For pages that begin with their controls: the links at the top say which page is open.
    """
    set_browser_title(page, name)
    with st.container(key="page-heading"):
        st.title(escape_markdown(f"{page}: {_shorten(name)}" if name.strip() else page), anchor=False)


def _shorten(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= _MAX_NAME_CHARS else f"{name[: _MAX_NAME_CHARS - 1].rstrip()}…"
