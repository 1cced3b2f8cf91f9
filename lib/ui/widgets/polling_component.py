"""Ticker: a component without a face, whose script looks at the page again and again."""

from __future__ import annotations

from typing import Any

import streamlit as st

# Streamlit calls a component's script anew for each change of its data, but what such a call returns to be ended with
# is called of the last one only, once the component is gone (1.67: BidiComponent keeps one cleanup, for its unmount).
# So each call ends the one before it, or a clock would be left running for each change there ever was.
_TICK = """
const timers = new Map()
const tick = (key, look, every) => {
  clearInterval(timers.get(key))
  const timer = setInterval(look, every)
  timers.set(key, timer)
  return () => {
    clearInterval(timer)
    if (timers.get(key) === timer) timers.delete(key)
  }
}
"""


def define_polling_component(name: str, script: str) -> Any:
    """The component of that name. Its script has ``tick(key, look, every)``: it calls ``look`` every so many ms.

    The script's function returns what ``tick`` returns. ``key`` is the one that the function is given.
    """
    return st.components.v2.component(name, js=_TICK + script)
