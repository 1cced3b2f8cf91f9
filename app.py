"""Paddock's server: Streamlit's application behind the front door. lib/ui/shell/navigation.py has the pages."""

import sys
from threading import Thread

import streamlit as st

from lib.errors import BadInput
from lib.preflight.token_count import load_tokenizer
from lib.ui.shell.browser_code import BrowserCode
from lib.ui.shell.compressed_files import CompressedFiles
from lib.ui.shell.front_door import build_front_door
from lib.ui.shell.lost_clicks import keep_clicks
from lib.ui.shell.script_start import skip_console_check
from lib.ui.shell.server_state import StateEndpoint
from lib.ui.shell.text_feed_endpoint import TextFeedEndpoint

keep_clicks()
skip_console_check()
# The first page needs it. Until somebody opens that, there is time.
Thread(target=load_tokenizer, daemon=True).start()
# “streamlit run” recognises this line.
app = st.App("lib/ui/shell/navigation.py")
try:
    inner = CompressedFiles(BrowserCode(app))  # type: ignore[arg-type]
    app = build_front_door(TextFeedEndpoint(StateEndpoint(inner)))  # type: ignore[assignment]
except BadInput as error:
    sys.exit(f"Paddock cannot start. {error.message} {error.advice}")
