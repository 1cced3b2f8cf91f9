"""Paddock: the server with its headers. The page set-up and the list of pages are in lib/ui/shell/navigation.py."""

import streamlit as st
from starlette.middleware import Middleware

from lib.ui.shell.visitor_cookie import VisitorCookieAndHeaders

app = st.App("lib/ui/shell/navigation.py", middleware=[Middleware(VisitorCookieAndHeaders)])
