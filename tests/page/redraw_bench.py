"""A page that redraws a fragment or the whole page: a script for ``streamlit run``.

The server is slow to ask for more work after each run, as on a busy machine.
"""

from __future__ import annotations

import time

import streamlit as st
from streamlit.runtime.scriptrunner import script_runner

from lib.ui.shell.script_start import reset_container_stack
from lib.ui.widgets.auto_refresh import refresh_after

BUSY = 0.5  # seconds

# A run calls this last, after its last look for clicks. Streamlit has no public function there.
script_runner._clean_problem_modules = lambda: time.sleep(BUSY)


@st.fragment
def part() -> None:
    """Draw the fragment, which redraws itself."""
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
# A visitor waits for this box.
st.chat_input("Message the model")
