"""The Chat page before the first message: the model, and prompts to start with."""

from __future__ import annotations

import streamlit as st

from lib.ui.chat.chat_tab import ChatTab
from lib.ui.chat.starter_prompts import starter_prompts
from lib.ui.shell.backend_picker import BackendChoice


def draw_welcome(tab: ChatTab, place: BackendChoice) -> None:
    """Draw the welcome with the starter prompts."""
    st.markdown("### What shall we try?")
    if place.twin is not None:
        st.caption(
            "A very small practice model on this computer answers you. It writes fluently and is often wrong. "
            f"{tab.chat.model.name} answers better: click the line above to connect your Cloudflare account."
        )
    for number, (icon, starter) in enumerate(starter_prompts(tab.chat.settings.features)):
        st.button(
            starter,
            key=f"starter{number}",
            icon=icon,
            width="stretch",
            disabled=tab.backend is None,
            on_click=tab.send,
            args=(starter,),
        )
