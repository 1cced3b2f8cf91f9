"""A click counts although another message of the browser ends the run that it began."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def _page() -> None:
    import streamlit as st

    from lib.ui.widgets.action_button import draw_action_button

    # As Streamlit does when another message comes while this is drawn.
    if st.session_state.pop("message", False):
        st.rerun()
    st.text("opened" if draw_action_button("Open", "open") else "closed")


def test_a_click_outlives_the_end_of_its_run() -> None:
    page = AppTest.from_function(_page).run()
    for message in (False, True):
        page.session_state["message"] = message
        page.button(key="open").click().run()
        assert page.text[0].value == "opened", message
        page.run()
        assert page.text[0].value == "closed", message
