"""Mend: what is wrong with a choice, at the control it is about, and the one click that puts it right."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from lib.preflight.conflicts import Conflict
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.widgets.safe_markdown import escape_markdown


def draw_conflicts(panel: ChatActions, found: Iterable[Conflict], at: str, place: str = "") -> None:
    """Those of that control. ``place`` tells two places apart that show the same."""
    for number, one in enumerate(found):
        if one.control == at:
            draw_conflict(panel, one, panel.key(f"mend-{place}{at}-{number}"))


def draw_conflict(panel: ChatActions, one: Conflict, key: str) -> None:
    """One of them."""
    with st.container(key=key, gap="xxsmall"):
        sign = ":material/error:" if one.is_refused else ":material/warning:"
        st.caption(f"{sign} {escape_markdown(one.text)}")
        st.button(
            one.fix_label,
            key=f"{key}-now",
            type="tertiary",
            icon=":material/build:",
            on_click=panel.apply_fix,
            args=(one,),
        )
