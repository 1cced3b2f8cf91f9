"""Paddock: page set-up and the list of pages."""

import streamlit as st

st.set_page_config(
    page_title="Paddock", page_icon="static/icon.svg", layout="centered", initial_sidebar_state=340
)
st.logo("static/paddock.svg", size="large")
st.navigation(
    [
        st.Page("pages/chat.py", title="Chat", icon=":material/forum:", default=True),
        st.Page("pages/model.py", title="Model", icon=":material/deployed_code:"),
    ],
    position="top",
).run()
