"""Paddock's server: Streamlit's application behind the front door. lib/ui/shell/navigation.py has the pages."""

import streamlit as st

from lib.ui.shell.front_door import build_front_door
from lib.ui.shell.save_state import SaveStateEndpoint

# “streamlit run” recognises this line.
app = st.App("lib/ui/shell/navigation.py")
app = build_front_door(SaveStateEndpoint(app))  # type: ignore[assignment]
