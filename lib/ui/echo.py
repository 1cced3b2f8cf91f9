"""Echo: a value that the browser reports although nobody chose it, because it has not heard of the page's own yet.

A browser's message holds the value of every control, and may leave before the browser has heard that the page moved
one: along with its partner, by a preset, by Reset. Streamlit then takes the old value for a change. So each drawing
of the page ends with its number, in a box that nobody sees, and every message tells which drawing it was written on.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

KEY = "heard"  # the hidden box: the number of the last drawing that the browser knows
_DRAWN = "drawn"  # in the session's state: the number of the last drawing
_MOST = 100  # values remembered of a control: a key that is held moves it many times between two messages


def follow(key: str, value: Any) -> None:
    """Put that into a control, before it is drawn, unless it is there: a hand may be on the control."""
    if (shown := st.session_state.get(key)) != value:
        st.session_state[key] = value
        drawing = st.session_state.get(_DRAWN, 0) + 1
        put = st.session_state.get(f"{key}-put", [])[-_MOST:]
        st.session_state[f"{key}-put"] = [*put, (drawing, shown), (drawing, value)]


def is_echo(key: str) -> bool:
    """In a control's callback: whether its value is the page's own, because there is a later one to be heard of."""
    if (heard := st.session_state.get(KEY)) is None:
        return False
    put: list[tuple[int, Any]] = st.session_state.get(f"{key}-put", [])
    unheard = [value for drawing, value in put if drawing > heard]
    known = [value for drawing, value in put if drawing <= heard][-1:]
    value = st.session_state[key]
    echo = bool(unheard) and value in [*known, *unheard]
    # After an echo the control is where the page put it: the browser has heard of it meanwhile, and nobody chose it.
    arrived = value in known and bool(st.session_state.get(f"{key}-echo"))
    st.session_state[f"{key}-echo"] = echo
    return echo or arrived


def listen() -> None:
    """After all the controls of a drawing, once. The box changes nothing by itself and is in every message."""
    drawing = st.session_state.get(_DRAWN, 0) + 1
    st.session_state[_DRAWN] = st.session_state[KEY] = drawing
    st.html(f"<style>.st-key-{KEY} {{ display: none; }}</style>")
    st.number_input(
        "Drawing", value=drawing, step=1, key=KEY, label_visibility="collapsed", on_change="ignore"
    )
