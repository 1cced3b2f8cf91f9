"""The messages that are sent one by one in front of an audience: their box, and the button that sends the next."""

from __future__ import annotations

import streamlit as st

from lib.chat.prepared_messages import count_sent, format_prepared_messages, parse_prepared_messages
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.widgets.bound import bind
from lib.ui.widgets.safe_markdown import escape_markdown

# The key that a presenter's remote control sends for the next slide.
_NEXT_KEY = "PageDown"
_MAX_LABEL_CHARS = 40


def draw_prepared_box(tab: ChatTab) -> None:
    """Draw the box of the messages, one on each line, and the button that takes those of the conversation."""
    conversation, _ = tab.chat.snapshot()
    written = tuple(message.content for message in conversation.path() if message.role == "user")
    with st.expander("Messages to send one by one", type="compact", key="prepared"):
        text = format_prepared_messages(tab.chat.prepared_messages)
        box = bind(
            "prepared-messages", text, lambda new: tab.set_prepared_messages(parse_prepared_messages(new))
        )
        st.text_area(
            "One message on each line",
            **box.arguments(),
            height=110,
            help="While you present, Page Down or a remote control sends the next one. They are part of the link "
            "and of the presets that you keep. ⏎ stands for a new line inside a message.",
        )
        st.button(
            "Take those of this conversation",
            key="prepared-take",
            type="tertiary",
            icon=":material/playlist_add:",
            disabled=not written,
            on_click=tab.set_prepared_messages,
            args=(written,),
        )


def draw_next_message(tab: ChatTab) -> None:
    """Draw the button that sends the next prepared message, if there is one."""
    prepared = tab.chat.prepared_messages
    conversation, _ = tab.chat.snapshot()
    sent = count_sent(prepared, conversation.path())
    if sent == len(prepared):
        return
    words = " ".join(prepared[sent].split())
    label = words if len(words) <= _MAX_LABEL_CHARS else f"{words[:_MAX_LABEL_CHARS].rstrip()} …"
    st.button(
        escape_markdown(label),
        key="prepared-next",
        type="tertiary",
        icon=":material/skip_next:",
        shortcut=_NEXT_KEY,
        disabled=tab.backend is None,
        on_click=_send,
        args=(tab, prepared[sent]),
        help=f"Send the next prepared message, {sent + 1} of {len(prepared)}",
    )


def _send(tab: ChatTab, text: str) -> None:
    # The browser keeps the button and its key until the answer has ended.
    _, live = tab.chat.snapshot()
    if live is None:
        tab.send(text)
