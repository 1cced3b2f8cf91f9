"""The style of the whole page in each of its modes."""

from __future__ import annotations

import streamlit as st

from lib.ui.shell.page_mode import PageMode

# Streamlit shows the button that copies a code box under a mouse alone: a finger or the keyboard never finds it.
_STYLE = """
.stCode > div {visibility: visible; opacity: 1; pointer-events: auto}
"""

# Everything on the page is sized in rem. The sidebar and the header are hidden as well as not drawn: what an earlier
# run drew there would stay until a streaming answer has ended. The button for Escape is there for its key alone. The
# whole page has the focus when the presenter's keys are pressed: a frame around it would say nothing.
_PRESENTING_STYLE = """
html:root {font-size: clamp(17px, 1.1vw + 9px, 34px)}
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"], [data-testid="stHeader"],
.st-key-present-escape, html .st-key-model-line {display: none}
[data-testid="stMainBlockContainer"] {padding-top: 1.5rem}
[data-testid="stMainBlockContainer"], [data-testid="stBottomBlockContainer"] {max-width: none; padding-inline: 5vw}
.st-key-presenting {zoom: .7}
@media (max-width: 768px) {.st-key-presenting {zoom: .9}}
:is([data-testid="stMain"], [data-testid="stAppScrollToBottomContainer"]):focus-visible {
    outline: none !important; box-shadow: none
}
"""


def draw_page_style(mode: PageMode) -> None:
    """Draw the style of the mode, always as one element: another one would stay while an answer streams."""
    st.html(f"<style>{_STYLE}{_PRESENTING_STYLE if mode is PageMode.PRESENTING else ''}</style>")
