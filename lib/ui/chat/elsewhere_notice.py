"""The notice that another server on the same database changed the conversation."""

from __future__ import annotations

import streamlit as st

from lib.ui.chat.chat_tab import ChatTab


class ElsewhereNotice:
    """A place in the page, at the point where it is made. Cheap to update."""

    def __init__(self, tab: ChatTab) -> None:
        self._tab = tab
        self._place = st.empty()
        self._drawn: str | None = None
        self.update()

    def update(self) -> None:
        """Draw or remove the notice if another server has added something since."""
        id = self._tab.chat.changed_elsewhere
        if id == self._drawn:
            return
        self._drawn = id
        if id is None:
            self._place.empty()
            return
        with self._place.container(horizontal=True, vertical_alignment="center"):
            st.info(
                "This conversation was also changed elsewhere, on another server with the same database. "
                "Nothing is lost: what was added there is another branch.",
                icon=":material/call_split:",
            )
            st.button("Show it", key=f"elsewhere-show-{id}", on_click=self._tab.show_elsewhere, args=(id,))
            st.button(
                "Dismiss", key=f"elsewhere-close-{id}", type="tertiary", on_click=self._tab.dismiss_elsewhere
            )
