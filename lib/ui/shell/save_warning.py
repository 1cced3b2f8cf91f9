"""The warning that conversations cannot be saved, kept up to date while an answer streams."""

from __future__ import annotations

import streamlit as st

from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import draw_error


class SaveWarning:
    """A place in the page, at the point where it is made. Cheap to update."""

    def __init__(self) -> None:
        self._place = st.empty()
        self._drawn = ""
        self.update()

    def update(self) -> None:
        """Draw or remove the warning if the state of the autosave has changed."""
        problem = registry().autosave.problem
        message = "" if problem is None else str(problem)
        if message == self._drawn:
            return
        self._drawn = message
        if problem is None:
            self._place.empty()
        else:
            with self._place.container():
                draw_error(problem, "Conversations are kept in memory, but cannot be saved at the moment")
