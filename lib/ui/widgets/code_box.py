"""A box to type code in: a text area in the page's typeface for code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from lib.ui.widgets.bound import bind

# Streamlit sets every text area in the typeface of prose, where brackets and commas are hard to tell apart.
_STYLE = """<style>.st-key-{key} textarea {{ font-family: "Plex Mono", monospace; font-size: 0.85rem; tab-size: 2; }}
</style>"""


def draw_code_box(label: str, name: str, text: str, take: Callable[[str], object], **options: Any) -> None:
    """Draw the box of that name, bound to the text. ``options`` are those of ``st.text_area``.

    The name has letters, digits, "-" and "_" only.
    """
    box = bind(name, text, take)
    st.html(_STYLE.format(key=box.key))
    st.text_area(label, **box.arguments(), **options)
