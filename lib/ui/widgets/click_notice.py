"""Let Streamlit notice a click while a script waits."""

import streamlit as st


def notice_click() -> None:
    """Begin a new run of the script if the user has clicked. For loops in which perhaps nothing is drawn.

    Streamlit looks for a click whenever something is drawn or the session's state is read.
    """
    st.session_state.get("any")
