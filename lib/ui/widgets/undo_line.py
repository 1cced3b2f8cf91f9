"""The line that says what was changed, with the button that undoes it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lib.ui.widgets.safe_markdown import escape_markdown


def draw_undo_line(change: str, key: str, on_undo: Callable[..., None], *args: object) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(escape_markdown(change), width="content")
        st.button("Undo", key=key, type="tertiary", icon=":material/undo:", on_click=on_undo, args=args)
