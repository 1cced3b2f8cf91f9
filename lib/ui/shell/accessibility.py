"""Repairs of Streamlit's page for keyboards, small screens and assistive technology, on every page.

``static/paddock.css`` and the scripts beside it hold them. They are fetched once and cached by the browser; a run of
the script sends only their addresses.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

from lib.ui.widgets.content_version import content_version

_STATIC = Path(__file__).with_name("static")
_STYLE, _SCRIPTS = (
    "paddock.css",
    ("accessibility.js", "focus.js", "bottom_bar.js", "data_grid.js", "sidebar.js"),
)
# A component's script comes from a blob, where an address has nothing to be relative to.
_LOADER = """
export default function ({ data, setTriggerValue }) {
  const redraw = () => setTriggerValue("redraw", true)
  for (const script of data.scripts)
    import(new URL(script, document.baseURI)).then(({ start }) => start(data, redraw))
}
"""
# Places to go to from the start of the page, with the words of their links and their keys, as browsers name keys.
# Streamlit's own link to the page follows.
_SKIP_LINKS = (
    (":is([data-testid=stChatInputTextArea], .st-key-raw-editor textarea)", "Go to the message box", "KeyM"),
    ("[data-testid=stSidebarUserContent]", "Go to the settings", "KeyS"),
)
SHORTCUTS = (
    ("Enter", "Send the message; Shift + Enter begins a new line"),
    ("Esc", "Stop the answer"),
    ("Alt + M", "Go to the message box"),
    ("Alt + S", "Go to the settings"),
    ("Alt + N", "Begin a new conversation or comparison"),
    ("Alt + E", "Edit my last message"),
    ("Alt + P", "Present the page to an audience, and back"),
    ("Alt + 1 to 5", "Open Chat, Compare, Experiment, History or Model"),
    ("?", "This list, unless you are typing"),
)

_load = st.components.v2.component("paddock_accessibility", js=_LOADER)


def draw_repairs() -> None:
    """Load the style and the script. Takes up no space on the page."""
    st.html(f'<style>@import url("{_address(_STYLE)}");</style>')
    with st.container(key="accessibility"):
        _load(
            key="paddock-accessibility",
            on_redraw_change=lambda: None,
            data={
                # In a tuple: Streamlit looks into a list for a table, and loads pandas for it.
                "scripts": tuple(map(_address, _SCRIPTS)),
                "links": _SKIP_LINKS,
                "shortcuts": SHORTCUTS,
                "skip": "Skip to",
                "list": "Keyboard shortcuts",
                "close": "Close",
                "menu": "Menu",
                "expand": "Open the sidebar",
            },
        )


@cache
def _address(name: str) -> str:
    """Return a static file's address, which changes with its content: browsers may keep the file for long."""
    return f"app/static/{name}?{content_version([_STATIC / name])}"
