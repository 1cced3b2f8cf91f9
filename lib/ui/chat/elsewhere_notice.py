"""The notices that another server on the same database changed the conversation or its settings."""

from __future__ import annotations

import streamlit as st

from lib.chat.chat_session import ChatSession
from lib.chat.setup_merge import Setup
from lib.compare.comparison import differing_fields, setup_fields
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.widgets.changing_notice import ChangingNotice
from lib.ui.widgets.safe_markdown import escape_markdown


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


def draw_other_setup_notice(chat: ChatSession, column: str = "") -> ChangingNotice[Setup]:
    """Draw the notice that offers the system prompt and settings which were replaced. Return it, for updates.

    ``column`` is the name of a comparison's column.
    """
    place = f"column {column}" if column else "this conversation"

    def draw(other: Setup) -> None:
        setups = ((chat.conversation.system, chat.settings), (other.system, other.settings))
        fields = [setup_fields(chat.model_of(settings), system, settings) for system, settings in setups]
        _, differences = differing_fields(fields)
        if not differences:
            return  # it differs in values that are not sent
        values = " · ".join(f"**{field}:** {escape_markdown(value)}" for field, value in differences)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.info(
                f"The system prompt or settings of {place} were changed on another Paddock server too. "
                f"The last change counts. The other version has {values}.",
                icon=":material/call_split:",
            )
            st.button(
                "Use the other version",
                key=f"other-setup-use{column}",
                on_click=chat.use_other_setup,
                args=(other,),
            )
            st.button(
                "Dismiss",
                key=f"other-setup-close{column}",
                type="tertiary",
                on_click=chat.dismiss_other_setup,
            )

    return ChangingNotice(lambda: chat.other_setup, draw)
