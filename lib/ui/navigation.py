"""The script that the server runs for each visit: page set-up and the list of pages."""

from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent.parent

# Before the list of pages: that would have the browser fetch an icon from elsewhere, where it knows of no other.
st.set_page_config(
    page_title="Paddock", page_icon=str(ROOT / "lib/ui/static/icon.svg"), initial_sidebar_state=340
)
COMPARE = st.Page(ROOT / "pages/compare.py", title="Compare", icon=":material/compare:")
page = st.navigation(
    [
        st.Page(ROOT / "pages/chat.py", title="Chat", icon=":material/forum:", default=True),
        COMPARE,
        st.Page(ROOT / "pages/history.py", title="History", icon=":material/history:"),
        st.Page(ROOT / "pages/model.py", title="Model", icon=":material/deployed_code:"),
    ],
    position="top",
)
# Once in a run: of two the browser would show now one, now the other.
st.set_page_config(layout="wide" if page == COMPARE else "centered")
st.logo(str(ROOT / "lib/ui/static/paddock.svg"), size="large")
page.run()
