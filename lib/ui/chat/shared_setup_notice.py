"""The notice that a share link has opened a set-up, with the way back."""

from __future__ import annotations

import streamlit as st

from lib.compare.comparison import SetupFields
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.widgets.safe_markdown import escape_markdown


def draw_shared_setup_notice(tab: ChatTab, fields: SetupFields) -> None:
    """Draw the notice. ``fields`` are what the link has set otherwise than a new conversation has it."""
    changes = " · ".join(f"{name}: {escape_markdown(value)}" for name, value in fields)
    st.info(
        "A link has opened a new conversation with the settings of somebody else. Nothing was sent yet.  \n"
        + (f":small[{changes}]" if changes else ":small[All settings are the usual ones.]"),
        icon=":material/link:",
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="shared-setup"):
        st.button(
            "Undo",
            key="shared-undo",
            type="tertiary",
            icon=":material/undo:",
            on_click=tab.leave_shared_setup,
            help="Back to the conversation and the settings from before",
        )
        st.button("Keep these settings", key="shared-keep", type="tertiary", on_click=tab.keep_shared_setup)
