"""Buttons that turn the pages of a long list."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def draw_page_buttons(
    key: str, page: int, page_count: int, previous_help: str, next_help: str, on_turn: Callable[[int], None]
) -> None:
    """Draw ‹ and ›. ``key`` begins the buttons' keys; ``on_turn`` gets the number of the page, from 0."""
    for sign, target, help in (("‹", page - 1, previous_help), ("›", page + 1, next_help)):
        st.button(
            sign,
            key=f"{key}{sign}",
            type="tertiary",
            disabled=not 0 <= target < page_count,
            help=help,
            on_click=on_turn,
            args=(target,),
        )
