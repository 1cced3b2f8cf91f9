"""Buttons that turn the pages of a long list."""

from __future__ import annotations

import streamlit as st


def draw_page_buttons(page_key: str, page: int, page_count: int, previous_help: str, next_help: str) -> None:
    """Draw ‹ and ›. They set ``page_key`` of the session's state to the number of the page, from 0."""
    for sign, target, help in (("‹", page - 1, previous_help), ("›", page + 1, next_help)):
        st.button(
            sign,
            key=f"{page_key}{sign}",
            type="tertiary",
            disabled=not 0 <= target < page_count,
            help=help,
            on_click=_turn_to,
            args=(page_key, target),
        )


def _turn_to(page_key: str, page: int) -> None:
    st.session_state[page_key] = page
