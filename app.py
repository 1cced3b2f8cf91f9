"""Paddock: the server with its headers. The page set-up and the list of pages are in lib/ui/navigation.py."""

import streamlit as st
from starlette.middleware import Middleware

from lib.ui.visitor import Headers

app = st.App("lib/ui/navigation.py", middleware=[Middleware(Headers)])
