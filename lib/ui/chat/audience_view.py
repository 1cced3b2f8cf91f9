"""The parts of the Chat page that only an audience's view has."""

from __future__ import annotations

import streamlit as st

from lib.ui.chat import prepared_box, replay_view
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.shell import presenting
from lib.ui.shell.page_mode import PageMode


def draw_system_prompt(tab: ChatTab) -> None:
    """Draw the system prompt if the presenter shows it."""
    system = tab.chat.conversation.system.strip()
    if tab.mode is PageMode.PRESENTING and presenting.shows_system() and system:
        with st.container(border=True, key="presented-system"):
            st.caption("System prompt")
            st.text(system)


def draw_actions(tab: ChatTab) -> None:
    """Draw the presenter's buttons for the last answer."""
    conversation, _ = tab.chat.snapshot()
    path = conversation.path()
    prepared_box.draw_next_message(tab)
    if path and path[-1].role == "assistant":
        if path[-1].answers:
            st.button(
                "Replay",
                key="present-replay",
                icon=":material/replay:",
                type="tertiary",
                on_click=replay_view.start_replay,
                args=(tab, path[-1]),
                help="Show the last answer once more as it came; nothing is sent",
            )
        st.button(
            "Ask again",
            key="present-again",
            icon=":material/refresh:",
            type="tertiary",
            on_click=tab.regenerate,
            args=(path[-1],),
            help="The model writes another answer to the last message",
        )
