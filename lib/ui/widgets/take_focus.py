"""Give the focus to a box that the user has just opened."""

from __future__ import annotations

from lib.ui.widgets.polling_component import define_polling_component

# Once only: the user may leave the box. What is opened again has a new key.
_SCRIPT = """
const focused = new Map()

export default function ({ data, key }) {
  return whenThere(key, data.target, " :is(textarea, input, button):not([tabindex='-1'])", box => {
    if (focused.get(key) === data.target) return
    focused.set(key, data.target)
    box.focus()
    box.setSelectionRange?.(box.value.length, box.value.length)
  })
}
"""

_take_focus = define_polling_component("paddock_focus", _SCRIPT)


def take_focus(target: str) -> None:
    """Give the focus to the first control in the container of that key, once for each time that it is opened."""
    _take_focus(key=f"focus-{target}", data={"target": target})
