"""Text boxes that report their text while it is typed, so that it is checked at once and never lost."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from lib.ui.widgets import bound
from lib.ui.widgets.polling_component import define_polling_component

# Streamlit reports a text only once its box is left. This script polls the boxes, and reports all of them at a pause
# in the typing, also what was typed before the script ran. "reported" has the texts that the server knows. If
# elements of the page move, the browser may create a box again with an old text: unless the user is in such a box, it
# is not reported, but replaced by a new one.
_SCRIPT = """
const PAUSE = 300, QUIET = 600, PREFIX = "st-key-live-"
const boxes = new Map()
let touched = 0
for (const event of ["pointerdown", "popstate"]) window.addEventListener(event, () => { touched = Date.now() }, true)

export default function ({ data, key, setStateValue }) {
  let reported = Object.fromEntries(data?.reported ?? []), last = null
  const look = () => {
    if (Date.now() - touched < QUIET) return  // another page may be opening: see lib.ui.widgets.polling_component
    const now = {}, lost = {}
    for (const place of document.querySelectorAll(`[class*="${PREFIX}"]`)) {
      const box = place.querySelector("textarea, input")
      const name = [...place.classList].find(name => name.startsWith(PREFIX))?.slice(PREFIX.length)
      if (!box || !(name in reported)) continue
      const isNew = boxes.get(name) !== box
      if (isNew && box.value !== reported[name] && document.activeElement !== box) lost[name] = true
      else {
        now[name] = box.value
        boxes.set(name, box)
      }
    }
    if (Object.keys(lost).length) return setStateValue("lost", lost)
    const changed = Object.keys(now).some(name => now[name] !== reported[name])
    const paused = last && Object.keys(now).every(name => now[name] === last[name])
    if (changed && paused) setStateValue("texts", (reported = { ...reported, ...now }))
    last = now
  }
  return tick(key, look, PAUSE)
}
"""

_watch = define_polling_component("paddock_typed", _SCRIPT)
_KEY, _DRAWN, _LOST = "typed", "typed-boxes", "typed-lost"


def begin_drawing() -> None:
    """Forget the boxes of the run before. Call it before the boxes of a page are drawn."""
    _drawn_keys().clear()


def draw_text_box(
    label: str,
    name: str,
    text: str,
    take: Callable[[str], object],
    *,
    height: int | None = None,
    placeholder: str = "",
    help: str | None = None,
) -> None:
    """Draw a box of that height in pixels, or of one line. ``name`` is its key.

    ``take`` gets its text at each pause in the typing, and when the box is left.
    """
    box = bound.bind(name, text, take)
    _drawn_keys().add(box.key)
    draw: Callable[..., object] = st.text_input if height is None else partial(st.text_area, height=height)
    with st.container(key=f"live-{box.key}"):
        draw(
            label,
            box.value,
            key=box.key,
            placeholder=placeholder,
            help=help,
            on_change=_report_left,
            args=(box.key,),
        )


def watch_typing() -> None:
    """Watch the boxes that were drawn. In a fragment, only that fragment runs when a text changes."""
    if st.session_state.pop(_LOST, False):
        st.rerun()
    _watch(
        key=_KEY,
        # In tuples: Streamlit looks into a list or a mapping for tables, and loads pandas for it.
        data={"reported": tuple((key, bound.shown(key)) for key in sorted(_drawn_keys()))},
        default={"texts": {}, "lost": {}},
        on_texts_change=_report_typed,
        on_lost_change=_replace_lost,
    )


def _drawn_keys() -> set[str]:
    drawn: set[str] = st.session_state.setdefault(_DRAWN, set())
    return drawn


def _report(key: str, text: str | None) -> None:
    # What is reported for a box that is no longer drawn may belong to something that was removed.
    if key in _drawn_keys():
        bound.report(key, text or "")


def _report_left(key: str) -> None:
    _report(key, st.session_state[key])


def _report_typed() -> None:
    texts = getattr(st.session_state.get(_KEY), "texts", None) or {}
    for key, text in texts.items():
        _report(str(key), str(text))


def _replace_lost() -> None:
    lost = getattr(st.session_state.get(_KEY), "lost", None) or {}
    for key in lost:
        bound.replace(str(key))
        st.session_state[_LOST] = True
