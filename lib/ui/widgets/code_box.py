"""A box to type code in: a text area in the page's typeface for code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from lib.ui.widgets.fill import fill

# Streamlit sets every text area in the typeface of prose, where brackets and commas are hard to tell apart.
_STYLE = """<style>.st-key-{key} textarea {{ font-family: "Plex Mono", monospace; font-size: 0.85rem; tab-size: 2; }}
</style>"""


def draw_code_box(
    label: str,
    text: str,
    key: str,
    on_change: Callable[..., None],
    args: tuple[Any, ...] = (),
    **options: Any,
) -> None:
    """The box, with that text. ``options`` are those of ``st.text_area``.

    The key has letters, digits, “-” and “_” only.
    """
    st.html(_STYLE.format(key=key))
    st.text_area(label, fill(key, text), key=key, on_change=on_change, args=args, **options)
