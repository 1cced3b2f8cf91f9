"""A page of which now a fragment is drawn anew, now all: a script for ``streamlit run``.

After each run it is a while until the server asks for more work, as on a busy machine.
"""

from __future__ import annotations

import time

import streamlit as st
from streamlit.runtime.scriptrunner import script_runner

from lib.ui.shell.script_start import reset_container_stack
from lib.ui.widgets.auto_refresh import refresh_after

BUSY = 0.5  # seconds

# The last that a run does, after it looked for clicks for the last time. Nothing public is called there.
script_runner._clean_problem_modules = lambda: time.sleep(BUSY)


@st.fragment
def part() -> None:
    """Drawn anew on its own."""
    refresh_after("part", 2.0)
    turns = st.session_state["turns"] = st.session_state.get("turns", 0) + 1
    st.button("Part", key="inside")
    st.caption(f"Turn {turns}")


reset_container_stack()
with st.container(key="place"):
    part()
st.button("Whole", key="outside")
runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
with st.container(key="runs"):
    st.caption(f"Run {runs}")
st.chat_input("Message the model")  # by which a visitor knows that the page is there
