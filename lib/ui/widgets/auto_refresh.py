"""Pulse: draws the fragment that it stands in anew, again and again, but never into a click."""

from __future__ import annotations

import streamlit as st

from lib.ui.widgets.polling_component import define_polling_component

# Not Streamlit's own run_every: a beat of that which is sent while another page is being opened is answered after it,
# in the name of the page that was left, and the browser then empties the new one. So nothing is sent for a moment
# after each click, key and step back. And one beat waits for the answer to the one before it: on a busy machine they
# would pile up.
_SCRIPT = """
const QUIET = 1000, PATIENCE = 10000
let touched = 0
for (const event of ["pointerdown", "keydown", "popstate"])
  window.addEventListener(event, () => { touched = Date.now() }, true)

export default function ({ data, key, setTriggerValue }) {
  const begun = Date.now()
  let sent = 0
  const look = () => {
    const now = Date.now()
    if (now - touched < QUIET || now - begun < data.every || now - sent < PATIENCE) return
    sent = now
    setTriggerValue("beat", now)
  }
  return tick(key, look, 50)
}
"""

_beat = define_polling_component("paddock_pulse", _SCRIPT)


def refresh_after(name: str, seconds: float) -> None:
    """Inside a fragment, where it is to be drawn again after that time. ``name`` tells two of a page apart."""
    beats = int(st.session_state.get(f"pulses-{name}", 0)) + 1
    st.session_state[f"pulses-{name}"] = beats  # other data each time: the browser begins to count anew
    _beat(
        key=f"pulse-{name}", data={"every": int(seconds * 1000), "beats": beats}, on_beat_change=lambda: None
    )
