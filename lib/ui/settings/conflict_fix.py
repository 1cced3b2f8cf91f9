"""A conflict between options, shown at the control that it is about, with a button that fixes it."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from lib.preflight.conflicts import Conflict
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import count_of


def draw_conflicts(actions: ChatActions, conflicts: Iterable[Conflict], control: str) -> None:
    """Draw the conflicts of one control."""
    for number, conflict in enumerate(conflicts):
        if conflict.control == control:
            draw_conflict(actions, conflict, actions.key(f"mend-{control}-{number}"))


def draw_conflict(actions: ChatActions, conflict: Conflict, key: str) -> None:
    with st.container(key=key, gap="xxsmall"):
        icon = ":material/error:" if conflict.is_refused else ":material/warning:"
        st.caption(f"{icon} {escape_markdown(conflict.text)}")
        st.button(
            conflict.fix_label,
            key=f"{key}-now",
            type="tertiary",
            icon=":material/build:",
            on_click=actions.apply_fix,
            args=(conflict,),
        )


def warning_count_text(count: int) -> str:
    """Return the number of conflicts as Markdown for the middle of a line, "" if there are none."""
    return f":orange[:material/warning: {count_of(count, 'warning')}] · " if count else ""
