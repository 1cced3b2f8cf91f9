"""A fault in what was typed into an editor, below the control that it is about."""

from __future__ import annotations

import streamlit as st

from lib.ui.widgets.safe_markdown import escape_markdown


def draw_fault(message: str | None) -> None:
    """Draw the message in red, nothing if there is none."""
    if message:
        # A caption would be too faint.
        st.markdown(f":small[:red[:material/error: {escape_markdown(message)}]]")
