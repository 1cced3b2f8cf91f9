"""The server of a page that is only for tests, with the code that draws a model's text, for ``streamlit run``."""

import os

import streamlit as st

from lib.ui.shell.browser_code import BrowserCode

# “streamlit run” recognises this line.
app = st.App(os.environ["TEST_PAGE"])
app = BrowserCode(app)  # type: ignore[assignment]
