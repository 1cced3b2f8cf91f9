"""Invisible components whose script polls the page in the browser."""

from __future__ import annotations

from typing import Any

import streamlit as st

# Streamlit calls a component's script again for each change of its data, but keeps the clean-up function of the last
# call only, until the component is unmounted (1.67, BidiComponent). So each call clears the timer of the one before,
# or each change of the data would leave a timer running.
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
    """Return the component of that name. Its script may use ``tick(key, look, every)``.

    ``tick`` calls ``look`` every so many milliseconds, and returns the clean-up function that the script has to
    return. ``key`` is the one that the script is given.
    """
    return st.components.v2.component(name, js=_TICK + script)
