"""Let Streamlit notice a click while a script lasts, such as one that follows an answer."""

from __future__ import annotations

import streamlit as st

# In the session's state while its script lasts. Set, not read as a value of a control.
LONG_RUN = "long-run"


def notice_click() -> None:
    """Begin a new run of the script if the user has clicked. For loops in which perhaps nothing is drawn.

    Streamlit looks for a click whenever something is drawn or the session's state is read.
    """
    st.session_state.get(LONG_RUN)


def expect_long_run() -> None:
    """Note that this run will last. Until it ends, a click in a fragment begins a new run of the whole page.

    A run of the fragment alone would wait for the end of this one: see ``lib.ui.shell.lost_clicks``.
    """
    st.session_state[LONG_RUN] = True


def begin_run() -> None:
    """Note that a run of the page begins, which perhaps does not last."""
    st.session_state[LONG_RUN] = False
