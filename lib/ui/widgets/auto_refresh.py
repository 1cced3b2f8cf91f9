"""Rerun a fragment after a time, but never right after a click of the user."""

from __future__ import annotations

import streamlit as st

from lib.ui.widgets.polling_component import RERUN_POLITELY, define_polling_component

# Instead of Streamlit's own run_every, which may send its request while another page is being opened.
_SCRIPT = """
export default function ({ data, key, setTriggerValue }) {
  const begun = Date.now()
  let sent = 0
  const look = () => {
    const now = Date.now()
    if (now - begun < data.every || !mayRerun(sent)) return
    sent = now
    setTriggerValue("beat", now)
  }
  return tick(key, look, 50)
}
"""

_beat = define_polling_component("paddock_pulse", RERUN_POLITELY + _SCRIPT)


def refresh_after(name: str, seconds: float) -> None:
    """Rerun the fragment that this is called in after that time. ``name`` is unique on the page."""
    # New data in each run, so that the browser's timer starts again.
    beats = st.session_state[f"pulses-{name}"] = int(st.session_state.get(f"pulses-{name}", 0)) + 1
    data = {"every": int(seconds * 1000), "beats": beats}
    _beat(key=f"pulse-{name}", data=data, on_beat_change=lambda: None)
