"""Give the focus to a box that the user has just opened or added."""

from __future__ import annotations

import streamlit as st

from lib.ui.widgets.polling_component import define_polling_component

# Once only: the user may leave the box. What is opened again has a new key.
_SCRIPT = """
const focused = new Map()

export default function ({ data, key }) {
  const kinds = data.added ? "textarea, input:not([type=checkbox])" : "textarea, input, button"
  return whenThere(key, data.target, ` :is(${kinds}):not([tabindex='-1'])`, box => {
    if (focused.get(key) === data.target) return
    focused.set(key, data.target)
    // The user may be typing in a box already.
    if (data.added && document.activeElement?.matches("textarea, input")) return
    box.focus()
    if (box.value !== undefined) box.setSelectionRange?.(data.added ? 0 : box.value.length, box.value.length)
  })
}
"""

_take_focus = define_polling_component("paddock_focus", _SCRIPT)
# In the session's state: the key of the container that was added last, until it is drawn.
_ADDED = "focus-added"


def take_focus(target: str) -> None:
    """Give the focus to the first control in the container of that key, once for each time that it is opened."""
    _take_focus(key=f"focus-{target}", data={"target": target})


def focus_added(target: str) -> None:
    """Let the first box in the container of that key take the focus, once it is drawn. For callbacks.

    Its text is selected, so that typing replaces it.
    """
    st.session_state[_ADDED] = target


def draw_added_focus(prefix: str) -> None:
    """Give the focus to what was added last, if its key has that prefix. Call it after what may have been added."""
    target = str(st.session_state.get(_ADDED, ""))
    if target and target.startswith(prefix):
        del st.session_state[_ADDED]
        _take_focus(key=f"focus-{target}", data={"target": target, "added": True})
