"""Announcements by assistive technology: the start, the end and the errors of answers and runs."""

from __future__ import annotations

import streamlit as st

_FOLLOWED = "announced"  # in the session's state: the id of the work whose start was read out last


class Announcement:
    """A place in the page, at the point where it is made. Invisible; each new text in it is read out.

    ``static/accessibility.js`` copies the text into a live region that stays: a region that comes into the page
    together with its text is not read out.
    """

    def __init__(self) -> None:
        with st.container(key="announcement"):
            self._place = st.empty()

    def report(self, id: str, working: str, ended: str, *, is_own: bool = False) -> None:
        """Read out ``working`` while it is not empty, then ``ended`` if this browser tab has seen that work begin.

        ``id`` names the work. ``is_own``: this browser tab began it. The same text is read out once.
        """
        if working or is_own:
            st.session_state[_FOLLOWED] = id
        elif st.session_state.get(_FOLLOWED) != id:
            ended = ""
        text = working or ended
        self._place.text(text) if text else self._place.empty()
