"""The Compare page before its first input: what to do, and prompts to start with."""

from __future__ import annotations

import streamlit as st

from lib.ui.chat.starter_prompts import starter_prompts
from lib.ui.compare.comparison_tab import ComparisonTab

STARTERS = (
    "Explain what a rainbow is to a child of six.",
    "Name three uses of a paperclip, one line each.",
    "Is a tomato a fruit? Answer in one sentence.",
)


def draw_compare_welcome(tab: ComparisonTab) -> None:
    """Draw the welcome with prompts to start with."""
    st.markdown("### What shall we compare?")
    st.caption(
        "Change one setting in a column, then send the same message to all. You can have up to four columns."
    )
    for number, starter in enumerate(_starters(tab)):
        st.button(
            starter,
            key=f"compare-starter-{number}",
            disabled=tab.backend is None,
            on_click=tab.send,
            args=(starter,),
        )


def _starters(tab: ComparisonTab) -> tuple[str, ...]:
    """Return prompts that suit the form of the answer that the first column asks for."""
    features = tab.panels[tab.comparison.columns[0].id].chat.settings.features
    if features.response_format is None:
        return STARTERS
    return tuple(text for _, text in starter_prompts(features))
