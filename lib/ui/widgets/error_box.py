"""An error as the page shows it: what happened, the code, what to do."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lib.errors import PaddockError
from lib.ui.widgets.safe_markdown import make_safe


def draw_error(error: PaddockError, title: str | None = None) -> None:
    """Draw the error where it belongs."""
    facts = []
    if error.code is not None:
        facts.append(f"code {error.code}")
    if error.status is not None:
        facts.append(f"HTTP {error.status}")
    if error.retry_after is not None:
        facts.append(f"the service asks for a pause of {error.retry_after:.0f} s")
    # A backend's message is somebody else's text: it is drawn like a model's.
    lines = [
        f"**{title or error.title}**" + (f" · {' · '.join(facts)}" if facts else ""),
        make_safe(error.message[:1].upper() + error.message[1:]),
    ]
    if error.advice:
        lines.append(f"→ {error.advice}")
    st.error("\n\n".join(lines), icon=":material/error:")


def keep_error(key: str, action: Callable[[], object]) -> None:
    """Call ``action`` and keep its PaddockError under ``key``: a callback runs before there is a place to draw it."""
    try:
        action()
    except PaddockError as error:
        st.session_state[key] = error


def draw_kept_error(key: str, title: str | None = None) -> None:
    """Draw the error that ``keep_error`` kept under ``key``, once."""
    if (error := st.session_state.pop(key, None)) is not None:
        draw_error(error, title)
