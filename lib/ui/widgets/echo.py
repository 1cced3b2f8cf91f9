"""Echo: a value that the browser reports although nobody chose it, because it has not heard of the page's own yet.

A browser's message holds the value of every control, and may leave before the browser has heard that the page moved
one: along with its partner, by a preset, by Reset. Streamlit then takes the old value for a change. So each drawing
of the page ends with its number, in a box that nobody sees, and every message tells which drawing it was written on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

KEY = "heard"  # the hidden box: the number of the last drawing that the browser knows
_DRAWN = "drawn"  # in the session's state: the number of the last drawing
_KNOWN = "echoes"  # there too, all in one: for each box with a key Streamlit copies the whole state
_MOST = 100  # values remembered of a control: a key that is held moves it many times between two messages


@dataclass
class _Control:
    """``put``: the values that it had and got, each with its drawing. ``echo``: whether the last one told was one."""

    put: list[tuple[int, Any]] = field(default_factory=list)
    echo: bool = False


def _known() -> dict[str, _Control]:
    known: dict[str, _Control] = st.session_state.setdefault(_KNOWN, {})
    return known


def follow(key: str, value: Any) -> None:
    """Put that into a control, before it is drawn, unless it is there: a hand may be on the control."""
    if (shown := st.session_state.get(key)) != value:
        st.session_state[key] = value
        drawing = st.session_state.get(_DRAWN, 0) + 1
        control = _known().setdefault(key, _Control())
        control.put = [*control.put[-_MOST:], (drawing, shown), (drawing, value)]


def is_echo(key: str) -> bool:
    """In a control's callback: whether its value is the page's own, because there is a later one to be heard of."""
    if (heard := st.session_state.get(KEY)) is None:
        return False
    control = _known().setdefault(key, _Control())
    unheard = [value for drawing, value in control.put if drawing > heard]
    known = [value for drawing, value in control.put if drawing <= heard][-1:]
    value = st.session_state[key]
    echo = bool(unheard) and value in [*known, *unheard]
    # After an echo the control is where the page put it: the browser has heard of it meanwhile, and nobody chose it.
    arrived = value in known and control.echo
    control.echo = echo
    return echo or arrived


def listen() -> None:
    """After all the controls of a drawing, once. The box changes nothing by itself and is in every message."""
    drawing = st.session_state.get(_DRAWN, 0) + 1
    st.session_state[_DRAWN] = st.session_state[KEY] = drawing
    st.html(f"<style>.st-key-{KEY} {{ display: none; }}</style>")
    st.number_input(
        "Drawing", value=drawing, step=1, key=KEY, label_visibility="collapsed", on_change="ignore"
    )
