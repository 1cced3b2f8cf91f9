"""The preferences of this browser's user, in a cookie, so that the first drawing of a page knows them.

A preference is a word for display only, such as which sections of the sidebar are folded. The browser writes the
cookie and could send any text, so a value counts only if it is one of those that the page knows.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

import streamlit as st

COOKIE_NAME = "paddock_view"
_STATE = "preferences-kept"  # in the session's state: the preferences by name
_MAX_COOKIE_CHARS = 2_000
_NAME = re.compile(r"[a-z-]{1,40}")

_SCRIPT = """
export default function ({ data }) {
  if (data.cookie) document.cookie = data.cookie
}
"""

_write = st.components.v2.component("paddock_preferences", js=_SCRIPT)


def get_preference(name: str, default: str) -> str:
    """Return the value of a preference, ``default`` if the user has not chosen one."""
    return _preferences().get(name, default)


def set_preference(name: str, value: str) -> None:
    """Remember a preference from now on. Names and values are lower-case words with hyphens."""
    _preferences()[name] = value


def keep_preferences() -> None:
    """Draw an invisible component that writes the cookie. Each page calls this once, at the end of its sidebar."""
    cookie = f"{COOKIE_NAME}={urlencode(_preferences())}; path=/; max-age=31536000; samesite=lax"
    _write(key="preferences", data={"cookie": cookie if _preferences() else ""})


def _preferences() -> dict[str, str]:
    kept: dict[str, str] | None = st.session_state.get(_STATE)
    if kept is None:
        kept = st.session_state[_STATE] = parse_preferences(st.context.cookies.get(COOKIE_NAME, ""))
    return kept


def parse_preferences(text: str) -> dict[str, str]:
    """Return the preferences in a cookie's text; what is not one is left out."""
    return {
        name: value
        for name, value in parse_qsl(text[:_MAX_COOKIE_CHARS])
        if _NAME.fullmatch(name) and _NAME.fullmatch(value)
    }
