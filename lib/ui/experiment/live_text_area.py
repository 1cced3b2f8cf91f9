"""Typed: boxes whose text is known while it is typed, so that it can be judged at once and is never lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from lib.ui.widgets.polling_component import define_polling_component

# A box tells its text only once it is left. This looks at the boxes themselves, and tells all of them at a pause in
# the typing. "told" is what the server knows: what was typed while it did not look is told then. Where the page
# moves, the browser may make a box anew, with the text that it had before all typing: such a box, which nobody is
# in, does not count, and is to be replaced.
_SCRIPT = """
const PAUSE = 300, QUIET = 600, PREFIX = "st-key-live-"
const known = new Map()
let touched = 0
for (const event of ["pointerdown", "popstate"]) window.addEventListener(event, () => { touched = Date.now() }, true)

export default function ({ data, key, setStateValue }) {
  let told = data?.told ?? {}, seen = null
  const look = () => {
    if (Date.now() - touched < QUIET) return  // another page may be on its way: see lib.ui.widgets.auto_refresh
    const now = {}, lost = {}
    for (const place of document.querySelectorAll(`[class*="${PREFIX}"]`)) {
      const box = place.querySelector("textarea, input")
      const name = [...place.classList].find(one => one.startsWith(PREFIX))?.slice(PREFIX.length)
      if (!box || !(name in told)) continue
      const made = known.get(name) !== box
      if (made && box.value !== told[name] && document.activeElement !== box) lost[name] = true
      else {
        now[name] = box.value
        known.set(name, box)
      }
    }
    if (Object.keys(lost).length) return setStateValue("lost", lost)
    const changed = Object.keys(now).some(name => now[name] !== told[name])
    const still = seen && Object.keys(now).every(name => now[name] === seen[name])
    if (changed && still) setStateValue("texts", (told = { ...told, ...now }))
    seen = now
  }
  return tick(key, look, PAUSE)
}
"""

OnText = Callable[[str], None]

_watch = define_polling_component("paddock_typed", _SCRIPT)
_KEY, _BOXES, _LOST = "typed", "typed-boxes", "typed-lost"


@dataclass
class _Box:
    """``known`` is its text as this tab knows it: as it was put there, or told by the browser.

    ``number``: how often it was replaced, as ``held`` has it.
    """

    known: str
    take: OnText
    number: int = 0
    drawn: bool = True


def begin_drawing() -> None:
    """Before a page's boxes are drawn."""
    for box in _boxes().values():
        box.drawn = False


def draw_text_area(
    label: str,
    name: str,
    text: str,
    take: OnText,
    *,
    height: int = 120,
    placeholder: str = "",
    help: str | None = None,
) -> None:
    """A box of several lines. ``take`` gets its text at each pause in the typing, and once it is left."""
    key = _follow(name, text, take)
    with st.container(key=f"live-{key}"):
        st.text_area(
            label,
            text,
            key=key,
            height=height,
            placeholder=placeholder,
            help=help,
            on_change=_left,
            args=(name, key),
        )


def draw_text_input(
    label: str, name: str, text: str, take: OnText, *, placeholder: str = "", help: str | None = None
) -> None:
    """A box of one line, else the same."""
    key = _follow(name, text, take)
    with st.container(key=f"live-{key}"):
        st.text_input(
            label, text, key=key, placeholder=placeholder, help=help, on_change=_left, args=(name, key)
        )


def watch_typing() -> None:
    """Keep looking at the boxes that were drawn. Inside a fragment only that fragment runs when a text changes."""
    if st.session_state.pop(_LOST, False):
        st.rerun()
    drawn = {name: box for name, box in _boxes().items() if box.drawn}
    # By their keys: what a box tells that was replaced meanwhile is not taken for the new one's.
    told = {_key(name, box): box.known for name, box in drawn.items()}
    _watch(
        key=_KEY,
        data={"told": told},
        default={"texts": {}, "lost": {}},
        on_texts_change=_told,
        on_lost_change=_lost,
    )


def _boxes() -> dict[str, _Box]:
    boxes: dict[str, _Box] = st.session_state.setdefault(_BOXES, {})
    return boxes


def _follow(name: str, text: str, take: OnText) -> str:
    """The box's key: of another box where the text was changed by something else, and else a hand may be on it."""
    known = _boxes().get(name)
    number = 0 if known is None else known.number + (known.known != text)
    _boxes()[name] = _Box(text, take, number)
    return _key(name, _boxes()[name])


def _key(name: str, box: _Box) -> str:
    return f"{name}-{box.number}"


def _named(key: str) -> tuple[str, _Box] | None:
    """The box of that key, None where another has taken its place."""
    name = key.rpartition("-")[0]
    box = _boxes().get(name)
    return None if box is None or _key(name, box) != key else (name, box)


def _take(name: str, text: str) -> None:
    box = _boxes().get(name)
    if box is not None and box.drawn and box.known != text:
        box.known = text
        box.take(text)


def _left(name: str, key: str) -> None:
    if _named(key) is not None:
        _take(name, st.session_state[key] or "")


def _told() -> None:
    told = getattr(st.session_state.get(_KEY), "texts", None) or {}
    for key, text in told.items():
        if (found := _named(str(key))) is not None:
            _take(found[0], str(text))


def _lost() -> None:
    lost = getattr(st.session_state.get(_KEY), "lost", None) or {}
    for key in lost:
        if (found := _named(str(key))) is not None:
            found[1].number += 1
            st.session_state[_LOST] = True
