"""The box of a raw prompt, with its special tokens marked below."""

from __future__ import annotations

import streamlit as st

from lib.ui.chat.chat_tab import ChatTab
from lib.ui.chat.request_preview import RequestPreview
from lib.ui.widgets import raw_text
from lib.ui.widgets.bound import bind


def draw_raw_prompt_box(tab: ChatTab, preview: RequestPreview, *, busy: bool) -> None:
    """Draw the box with the buttons that send and fill it. Conflicts are drawn at the switch Raw."""
    with st.container(key="raw-editor", gap="xsmall"):
        st.text_area(
            "Raw prompt",
            **bind("raw-prompt", tab.raw_prompt, tab.set_raw_prompt).arguments(),
            height=190,
            label_visibility="collapsed",
            placeholder="The exact text that the model continues. “Fill in the conversation” writes it.",
        )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Send",
                key="raw-send",
                type="primary",
                icon=":material/send:",
                shortcut="Ctrl+Enter",
                on_click=tab.send_raw_prompt,
                disabled=busy or not tab.raw_prompt,
            )
            if preview.format_name:
                st.button(
                    "Fill in the conversation",
                    key="raw-fill",
                    icon=":material/format_align_left:",
                    type="tertiary",
                    on_click=tab.fill_raw_prompt,
                    help="Replaces the text in the box with the conversation up to its last question, in the "
                    "model's own format",
                )
                st.caption(f"In the chat format of {preview.format_name}", width="content")
            else:
                st.caption("The chat format of this model is not known here: write all of it.")
        if tab.raw_prompt and preview.special_tokens:
            with st.expander("Special tokens", key="raw-marked", type="compact"):
                raw_text.draw_with_marked_tokens(tab.raw_prompt, preview.special_tokens, 160)
