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

# Nothing is sent for a moment after a click: see lib.ui.widgets.auto_refresh.
FOLLOW_STATE = """
let touched = 0
for (const event of ["pointerdown", "keydown", "popstate"])
  window.addEventListener(event, () => { touched = Date.now() }, true)

const followState = (key, data, every, change, show) => {
  const QUIET = 1000, PATIENCE = 10000
  let sent = 0, gone = false, asking = false
  const look = async () => {
    if (asking || document.hidden) return
    asking = true
    try {
      const reply = await fetch(data.path)
      const [process, number, ...words] = reply.ok ? (await reply.text()).split(" ") : []
      // Of a server that has started again the page is drawn anyway, once it is connected.
      if (gone || process !== data.process) return
      show?.(words.join(" "))
      const now = Date.now()
      if (number === data.number || now - touched < QUIET || now - sent < PATIENCE) return
      sent = now
      change(number)
    } catch {
      // The server is away. Streamlit says so.
    } finally {
      asking = false
    }
  }
  const stop = tick(key, look, every)
  return () => { gone = true; stop() }
}
"""


def define_polling_component(name: str, script: str, *, isolate_styles: bool = True) -> Any:
    """Return the component of that name. Its script may use two functions, and returns what they return: to clean up.

    ``tick(key, look, every)`` calls ``look`` every so many milliseconds. ``whenThere(key, target, selector, act)``
    calls ``act`` once with the element of the key ``target``, or with what the selector finds in it, as soon as the
    page has it: it may be drawn after the component. ``key`` is the one that the script is given.

    After ``FOLLOW_STATE`` there is a third one. ``followState(key, data, every, change, show)`` asks ``data.path``
    for ``data.process``, a number and a text. It calls ``show`` with each text, and ``change`` with a number that is
    not ``data.number``.
    """
    return st.components.v2.component(name, js=_SCRIPT + script, isolate_styles=isolate_styles)
