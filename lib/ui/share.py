"""Handing a conversation on: a link to its set-up, and files of all of it."""

from __future__ import annotations

import streamlit as st

from lib import link
from lib.conversation import Conversation
from lib.transcript import markdown
from lib.ui.tab import Tab
from lib.ui.trouble import trouble


def draw(tab: Tab) -> None:
    """The menu that shares."""
    with st.popover("Share", type="tertiary", icon=":material/ios_share:", key="share"):
        conversation, _ = tab.chat.view()
        first = next((message.content for message in conversation.path() if message.role == "user"), "")
        st.markdown("**A link to this set-up**")
        st.caption(
            "System prompt, settings and the first message are in the address itself. Nothing is uploaded."
        )
        try:
            text = link.encode(link.Setup(conversation.system, tab.chat.settings, first))
        except link.TooLong as error:
            trouble(error)
        else:
            base = (st.context.url or "").partition("?")[0]
            st.code(f"{base}?{link.PARAMETER}={text}", language=None, wrap_lines=True, height=110)
        st.markdown("**The conversation as a file**")
        st.download_button(
            "Markdown", key="download-markdown", icon=":material/description:", mime="text/markdown",
            file_name=f"{file_name(conversation)}.md", on_click="ignore", data=lambda: _markdown(tab),
        )  # fmt: skip


def _markdown(tab: Tab) -> str:
    """The conversation as it is at the click, not as it was when the button was drawn."""
    conversation, _ = tab.chat.view()
    return markdown(title(conversation), conversation, tab.chat.settings, tab.chat.model)


def title(conversation: Conversation) -> str:
    """A title made from the first message."""
    first = next((message.content for message in conversation.path() if message.content.strip()), "")
    words = " ".join(first.split())
    return words if len(words) <= 60 else f"{words[:59].rstrip()}…"


def file_name(conversation: Conversation) -> str:
    """A name for a file that every system takes."""
    kept = "".join(char if char.isalnum() else "-" for char in title(conversation).lower())
    return "-".join(part for part in kept.split("-") if part)[:50] or "conversation"
