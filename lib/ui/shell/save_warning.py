"""The warning that conversations cannot be saved, on every page: it comes and goes without a click."""

from __future__ import annotations

import streamlit as st

from lib.files.conversation_import_export import dump_zip
from lib.model.model_record import default_model
from lib.ui.shell import save_state
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.error_box import draw_error


class SaveWarning:
    """A place in the page, at the point where it is made. Cheap to update.

    It updates itself, except while the script streams an answer: then the script calls ``update``.
    """

    def __init__(self) -> None:
        self._owner = current_owner()
        self._drawn: int | None = None
        # In a container of its own, which is never empty: a run of the fragment could overwrite what follows it.
        with st.container(key="save-warning"):
            st.empty()
            self._follow()

    @st.fragment
    def _follow(self) -> None:
        self._place = st.empty()
        self._drawn = None
        self.update()
        # Last: the component takes up space until the browser has loaded it.
        save_state.watch(self._drawn or 0)

    def update(self) -> None:
        """Draw or remove the warning if the state of the autosave has changed."""
        autosave = registry().autosave
        number = autosave.state_number
        if number == self._drawn:
            return
        is_first, self._drawn = self._drawn is None, number
        problem = autosave.problem_of(self._owner)
        if problem is not None:
            with self._place.container():
                draw_error(problem, "Conversations are kept in memory, but cannot be saved at the moment")
                st.markdown(
                    "What is not saved is lost if Paddock ends now. It is saved as soon as that is possible."
                )
                owner = self._owner
                st.download_button(
                    "Download what is not saved",
                    # A run of the script may draw it several times.
                    key=f"unsaved-{number}",
                    icon=":material/download:",
                    file_name="paddock-unsaved.zip",
                    mime="application/zip",
                    on_click="ignore",
                    data=lambda: dump_zip(registry().unsaved_conversations(owner), default_model()),
                )
        elif not is_first:
            self._place.empty()
