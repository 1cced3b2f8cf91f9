"""Unsaved: the place on the page that says when the database takes nothing, also while an answer comes."""

from __future__ import annotations

import streamlit as st

from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import draw_error


class SaveWarning:
    """Made where it is to be seen; draw() costs nothing while nothing has changed."""

    def __init__(self) -> None:
        self._at = st.empty()
        self._said = ""
        self.update()

    def update(self) -> None:
        """Say what is so now."""
        problem = registry().autosave.problem
        said = "" if problem is None else str(problem)
        if said == self._said:
            return
        self._said = said
        if problem is None:
            self._at.empty()
        else:
            with self._at.container():
                draw_error(problem, "Conversations are kept in memory, but cannot be saved at the moment")
