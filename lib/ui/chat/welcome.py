"""The Chat page before the first message: the model, and prompts to start with."""

from __future__ import annotations

import streamlit as st

from lib.ui.chat.chat_tab import ChatTab
from lib.ui.chat.starter_prompts import starter_prompts
from lib.ui.shell.backend_picker import BackendChoice
from lib.ui.shell.page_paths import COMPARE_PAGE, EXPERIMENT_PAGE
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from lib.ui.widgets import model_text
from lib.ui.widgets.action_button import draw_action_button


def draw_welcome(tab: ChatTab, place: BackendChoice) -> None:
    """Draw the welcome with three ways to start: a prompt, a comparison, or an experiment.

    An audience sees only the prompts: its page has no way back from the others.
    """
    st.markdown("### What shall we try?")
    if place.twin is not None and not place.is_practice_model:
        st.caption("The model on this computer answers you. It is free and needs no internet connection.")
    elif place.twin is not None:
        ways = "connect your Cloudflare account."
        if tab.owner == LOCAL_OWNER:
            ways = f"download it, or to {ways}"
        button, _, _ = place.name.partition(" (")
        better = f" {tab.chat.model.name} answers better: click “{button}” at the top to {ways}"
        st.caption(
            "A very small practice model on this computer answers you. It writes fluently and is often wrong."
            + (better if tab.mode.has_controls else "")
        )
    for number, (icon, starter) in enumerate(starter_prompts(tab.chat.settings.features)):
        st.button(
            starter,
            key=f"starter{number}",
            icon=icon,
            width="stretch",
            disabled=tab.backend is None and not tab.can_wait,
            on_click=tab.send,
            args=(starter,),
        )
    if tab.mode.has_controls:
        _draw_other_starts()
    model_text.prepare()


def _draw_other_starts() -> None:
    with st.container(horizontal=True, gap="small", key="other-starts"):
        if draw_action_button(
            "Compare two prompts", key="start-compare", icon=":material/compare:", type="tertiary"
        ):
            st.switch_page(COMPARE_PAGE)
        if draw_action_button(
            "Run a sample experiment", key="start-experiment", icon=":material/science:", type="tertiary"
        ):
            st.switch_page(EXPERIMENT_PAGE)


def draw_waiting_message(tab: ChatTab) -> None:
    """Draw the message that is sent as soon as the practice model has started."""
    if not tab.waiting_text:
        return
    with st.container(key="waiting-message"), st.chat_message("user", avatar=":material/person:"):
        st.text(tab.waiting_text)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("Sent as soon as the practice model has started.", width="content")
            st.button("Cancel", key="waiting-cancel", type="tertiary", on_click=tab.stop_waiting)
