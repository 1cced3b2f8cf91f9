"""Scroll the page to an element of a key, once for each time that this is asked for."""

from __future__ import annotations

from enum import StrEnum

from lib.ui.widgets.polling_component import define_polling_component

# What the bar at the top of the window covers is left out, as static/bottom_bar.js does for the bar at the bottom.
_SCRIPT = """
const scrolled = new Map()
const head = () => document.querySelector("[data-testid=stHeader]")?.getBoundingClientRect().height ?? 0

export default function ({ data, key }) {
  return whenThere(key, data.target, "", element => {
    if (innerWidth > data.width || scrolled.get(key) === data.request) return
    scrolled.set(key, data.request)
    element.style.scrollMarginTop = `${head() + 8}px`
    element.scrollIntoView({ block: data.block })
  })
}
"""

# Pixels. In a window up to this width, Streamlit puts columns below each other.
PHONE_WIDTH = 640

_scroll = define_polling_component("paddock_scroll", _SCRIPT)


class ScrollTo(StrEnum):
    """The part of the window that the element is scrolled to, as browsers call it."""

    TOP = "start"
    NEAREST = "nearest"  # not at all if the element is in sight


def scroll_into_view(
    name: str,
    target: str,
    request: object,
    to: ScrollTo = ScrollTo.NEAREST,
    *,
    max_width: int = 1_000_000,
) -> None:
    """Scroll to the element of the key ``target``, each time that ``request`` is another one.

    ``name`` is unique on the page. The first request counts too. Windows wider than ``max_width`` pixels stay.
    """
    data = {"target": target, "request": str(request), "block": to.value, "width": max_width}
    _scroll(key=f"scroll-{name}", data=data)
