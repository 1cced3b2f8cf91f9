"""The notice that another server on the same database changed the conversation."""

from __future__ import annotations

import streamlit as st

from lib.ui.chat.chat_tab import ChatTab
from lib.ui.widgets.changing_notice import ChangingNotice


def draw_elsewhere_notice(tab: ChatTab) -> ChangingNotice[str]:
    """Draw the notice while something that another server has changed was not dismissed. Return it, for updates."""

    def draw(id: str) -> None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(
                "Somebody changed this conversation on another Paddock server at the same time. "
                "Nothing is lost: their messages are another version.",
                icon=":material/call_split:",
            )
            st.button("Show it", key=f"elsewhere-show-{id}", on_click=tab.show_elsewhere, args=(id,))
            st.button("Dismiss", key=f"elsewhere-close-{id}", type="tertiary", on_click=tab.dismiss_elsewhere)

    return ChangingNotice(lambda: tab.chat.changed_elsewhere, draw)
