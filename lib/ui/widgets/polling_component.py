"""Invisible components whose script polls the page in the browser."""

from __future__ import annotations

from typing import Any

import streamlit as st

# Streamlit calls a component's script again for each change of its data (1.67, BidiComponent). It keeps the clean-up
# function of the last call only, until the component is unmounted, so each call ends the work of the one before. And
# it waits for the script's import before each call: calls can come in another order than the changes. Then it cleans
# up the outdated one as soon as that has returned. So a call takes over a moment later, if it is still there.
# whenThere waits for changes of the page, so that a page without the element costs nothing. It looks a moment after
# one: what stands around the element is drawn then.
_SCRIPT = """
const ends = new Map()
const takeOver = (key, begin) => {
  let end
  const start = setTimeout(() => {
    ends.get(key)?.()
    ends.set(key, end = begin())
  })
  return () => {
    clearTimeout(start)
    end?.()
    if (ends.get(key) === end) ends.delete(key)
  }
}
const tick = (key, look, every) => takeOver(key, () => {
  const timer = setInterval(look, every)
  return () => clearInterval(timer)
})
const whenThere = (key, target, selector, act) => takeOver(key, () => {
  let timer
  const look = () => {
    timer = null
    const element = document.querySelector(`.st-key-${CSS.escape(target)}${selector}`)
    if (!element) return
    end()
    act(element)
  }
  const wake = () => { timer ??= setTimeout(look, 50) }
  const changes = new MutationObserver(wake)
  const end = () => { clearTimeout(timer); changes.disconnect() }
  changes.observe(document.body, { childList: true, subtree: true, attributeFilter: ["class"] })
  wake()
  return end
})
"""

# For scripts that make the page's script run. If such a request is sent while another page is being opened, it is
# answered after that, for the page that was left, and the browser then empties the new page. So nothing is sent for a
# moment after each click, key and step back. And each request waits for the answer to the one before: on a busy
# machine they would pile up.
RERUN_POLITELY = """
const QUIET = 1000, PATIENCE = 10000
let touched = 0
for (const event of ["pointerdown", "keydown", "popstate"])
  window.addEventListener(event, () => { touched = Date.now() }, true)
const mayRerun = sent => Date.now() - touched >= QUIET && Date.now() - sent >= PATIENCE
"""


def define_polling_component(name: str, script: str, *, isolate_styles: bool = True) -> Any:
    """Return the component of that name. Its script may use two functions, and returns what they return: to clean up.

    ``tick(key, look, every)`` calls ``look`` every so many milliseconds. ``whenThere(key, target, selector, act)``
    calls ``act`` once with the element of the key ``target``, or with what the selector finds in it, as soon as the
    page has it: it may be drawn after the component. ``key`` is the one that the script is given.

    After ``RERUN_POLITELY`` there is a third one. ``mayRerun(sent)`` tells whether the script may make the page run
    now, if it last did so at the time ``sent``.
    """
    return st.components.v2.component(name, js=_SCRIPT + script, isolate_styles=isolate_styles)
