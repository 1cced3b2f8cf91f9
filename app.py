"""Paddock's server: Streamlit with its middleware. lib/ui/shell/navigation.py has the pages."""

import streamlit as st
from starlette.middleware import Middleware

from lib.ui.shell.visitor_cookie import VisitorCookieAndHeaders

app = st.App("lib/ui/shell/navigation.py", middleware=[Middleware(VisitorCookieAndHeaders)])
