"""Rerun a fragment after a time, but never right after a click of the user."""

from __future__ import annotations

import streamlit as st

from lib.ui.widgets.polling_component import define_polling_component

# Streamlit's own run_every is not used: if one of its requests is sent while another page is being opened, it is
# answered after that, for the page that was left, and the browser then empties the new page. So nothing is sent for a
# moment after each click, key and step back. And each request waits for the answer to the one before: on a busy
# machine they would pile up.
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
    """Rerun the fragment that this is called in after that time. ``name`` is unique on the page."""
    # New data in each run, so that the browser's timer starts again.
    beats = st.session_state[f"pulses-{name}"] = int(st.session_state.get(f"pulses-{name}", 0)) + 1
    data = {"every": int(seconds * 1000), "beats": beats}
    _beat(key=f"pulse-{name}", data=data, on_beat_change=lambda: None)
