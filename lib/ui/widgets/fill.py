"""Fill: what the page itself puts into a control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def fill(key: str, value: T) -> T:
    """Put it into the control of that key, before it is drawn; unless it is there, for a hand may be on it.

    What is given back is to be the control's default as well: one whose code the browser has still to fetch starts
    with its default, and may report that as chosen.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return value


def chosen(key: str, options: Sequence[T]) -> T:
    """What is chosen in the control of that key, which is put there; the first where it is none of these any more."""
    known = st.session_state.get(key)
    return fill(key, next((one for one in options if one == known), options[0]))
