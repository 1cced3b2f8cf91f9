"""Put the cursor into a box that the user has just opened."""

from __future__ import annotations

from lib.ui.widgets.polling_component import define_polling_component

# The box may be drawn after this component: so it is looked for until it is there. Once only: the user may leave it.
_SCRIPT = """
const focused = new Set()

export default function ({ data, key }) {
  const stop = tick(key, () => {
    if (focused.has(data.target)) return stop()
    const box = document.querySelector(`.st-key-${CSS.escape(data.target)} :is(textarea, input)`)
    if (!box) return
    focused.add(data.target)
    box.focus()
    box.setSelectionRange?.(box.value.length, box.value.length)
  }, 50)
  return () => { focused.delete(data.target); stop() }
}
"""

_take_focus = define_polling_component("paddock_focus", _SCRIPT)


def take_focus(target: str) -> None:
    """Put the cursor into the text box of that key, once for each time that it is opened."""
    _take_focus(key=f"focus-{target}", data={"target": target})
