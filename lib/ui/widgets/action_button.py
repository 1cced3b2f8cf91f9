"""A button whose click is not lost if another message of the browser comes while the page is being drawn."""

from __future__ import annotations

from typing import Any

import streamlit as st


def draw_action_button(label: str, key: str, **options: Any) -> bool:
    """Draw a button and return True once for a click on it. ``options`` are those of ``st.button``.

    ``st.button`` returns True in one run only. If another click ends that run before the button is drawn, the first
    click is without effect. If a callback can do the work, use ``st.button`` with one.
    """
    st.button(label, key=key, on_click=_note_click, args=(key,), **options)
    return bool(st.session_state.pop(_flag(key), False))


def _note_click(key: str) -> None:
    st.session_state[_flag(key)] = True


def _flag(key: str) -> str:
    return f"clicked-{key}"
