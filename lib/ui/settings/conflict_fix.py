"""Mend: what is wrong with a choice, at the control it is about, and the one click that puts it right."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from lib.preflight.conflicts import Conflict
from lib.ui.settings.chat_panel import Panel
from lib.ui.widgets.safe_markdown import label


def draw(panel: Panel, found: Iterable[Conflict], at: str, place: str = "") -> None:
    """Those of that control. ``place`` tells two places apart that show the same."""
    for number, one in enumerate(found):
        if one.at == at:
            draw_one(panel, one, panel.key(f"mend-{place}{at}-{number}"))


def draw_one(panel: Panel, one: Conflict, key: str) -> None:
    """One of them."""
    with st.container(key=key, gap="xxsmall"):
        sign = ":material/error:" if one.refused else ":material/warning:"
        st.caption(f"{sign} {label(one.text)}")
        st.button(
            one.mend,
            key=f"{key}-now",
            type="tertiary",
            icon=":material/build:",
            on_click=panel.mend,
            args=(one,),
        )
