"""Invisible components whose script polls the page in the browser."""

from __future__ import annotations

from typing import Any

import streamlit as st

# Streamlit calls a component's script again for each change of its data, but keeps the clean-up function of the last
# call only, until the component is unmounted (1.67, BidiComponent). So each call clears the timer of the one before,
# or each change of the data would leave a timer running.
_SCRIPT = """
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
const whenThere = (key, target, selector, act) => {
  const stop = tick(key, () => {
    const element = document.querySelector(`.st-key-${CSS.escape(target)}${selector}`)
    if (!element) return
    stop()
    act(element)
  }, 50)
  return stop
}
"""


def define_polling_component(name: str, script: str) -> Any:
    """Return the component of that name. Its script may use two functions, and returns what they return: to clean up.

    ``tick(key, look, every)`` calls ``look`` every so many milliseconds. ``whenThere(key, target, selector, act)``
    calls ``act`` once with the element of the key ``target``, or with what the selector finds in it, as soon as the
    page has it: it may be drawn after the component. ``key`` is the one that the script is given.
    """
    return st.components.v2.component(name, js=_SCRIPT + script)
