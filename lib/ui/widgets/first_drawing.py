"""Rerun the page as soon as the browser has drawn all of it for the first time."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

# The browser fetches the code of a component like that of any other control, and draws all of them together.
_SCRIPT = """
const reported = new WeakSet()

export default function ({ parentElement, setTriggerValue }) {
  if (reported.has(parentElement)) return
  reported.add(parentElement)
  setTriggerValue("drawn", true)
}
"""

_report = st.components.v2.component("paddock_first_drawing", js=_SCRIPT)


def rerun_when_drawn(place: DeltaGenerator) -> None:
    """Draw an invisible component in that place, which reruns the page once the browser shows it."""
    with place:
        _report(key="first-drawing", on_drawn_change=lambda: None)
