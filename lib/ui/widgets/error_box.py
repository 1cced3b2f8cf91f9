"""The box that shows an error: what happened, its code and what to do. A callback's error waits for the next run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from lib.errors import PaddockError
from lib.ui.widgets.safe_markdown import escape_markdown


def draw_error(error: PaddockError, title: str | None = None) -> None:
    """Draw the error, with that title instead of its own."""
    facts = []
    if error.code is not None:
        facts.append(f"code {error.code}")
    if error.status is not None:
        facts.append(f"HTTP {error.status}")
    if error.retry_after is not None:
        facts.append(f"the service asks for a pause of {error.retry_after:.0f} s")
    # The message may be a backend's.
    lines = [
        f"**{title or error.title}**" + (f" · {' · '.join(facts)}" if facts else ""),
        escape_markdown(error.message[:1].upper() + error.message[1:]),
    ]
    if error.advice:
        lines.append(f"→ {error.advice}")
    st.error("\n\n".join(lines), icon=":material/error:")


@contextmanager
def keep_error(key: str) -> Iterator[None]:
    """Keep a PaddockError that is raised inside, under that key of the session's state, until it is drawn."""
    try:
        yield
    except PaddockError as error:
        st.session_state[key] = error


def pop_kept_error(key: str) -> PaddockError | None:
    """Return the error that was kept under that key, once."""
    error: PaddockError | None = st.session_state.pop(key, None)
    return error


def draw_kept_error(key: str, title: str | None = None) -> None:
    """Draw the error that was kept under that key, once."""
    if (error := pop_kept_error(key)) is not None:
        draw_error(error, title)


def draw_fault(message: str | None) -> None:
    """Draw a fault in what was typed, below its control: the message in red, nothing if there is none."""
    if message:
        # A caption would be too faint.
        st.markdown(f":small[:red[:material/error: {escape_markdown(message)}]]")
