"""The warning that conversations cannot be saved, on every page: it comes and goes without a click."""

from __future__ import annotations

import streamlit as st

from lib.files.conversation_import_export import dump_zip
from lib.ui.shell.registry import registry
from lib.ui.shell.server_state import FOLLOW_STATE, StatePart, follow_data
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.changing_notice import ChangingNotice
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.polling_component import define_polling_component

_SCRIPT = """
export default function ({ data, key, setTriggerValue }) {
  return followState(key, data, number => setTriggerValue("change", number))
}
"""

_watch = define_polling_component("paddock_save_state", FOLLOW_STATE + _SCRIPT)


class SaveWarning:
    """A place in the page, at the point where it is made.

    It updates itself, except while the script streams an answer: then the script calls ``update``, which is cheap.
    """

    def __init__(self) -> None:
        self._owner = current_owner()
        # In a container of its own, which is never empty: a run of the fragment could overwrite what follows it.
        with st.container(key="save-warning"):
            st.empty()
            self._follow()

    @st.fragment
    def _follow(self) -> None:
        number = registry().autosave.state_number
        self._notice = ChangingNotice(self._problem_number, self._draw)
        # Last: the component takes up space until the browser has loaded it.
        _watch(key="save-state", data=follow_data(StatePart.SAVING, number), on_change_change=lambda: None)

    def update(self) -> None:
        """Draw or remove the warning if the state of the autosave has changed."""
        self._notice.update()

    def _problem_number(self) -> int | None:
        """Return the number of the autosave's state, None if everything is saved."""
        autosave = registry().autosave
        number = autosave.state_number
        return None if autosave.problem_of(self._owner) is None else number

    def _draw(self, number: int) -> None:
        problem, owner = registry().autosave.problem_of(self._owner), self._owner
        if problem is None:  # since a moment ago
            return
        draw_error(problem, "Conversations cannot be saved at the moment")
        st.markdown("They are lost if Paddock is closed now. Paddock saves them as soon as it can.")
        st.download_button(
            "Download unsaved conversations",
            # A run of the script may draw it several times.
            key=f"unsaved-{number}",
            icon=":material/download:",
            file_name="paddock-unsaved.zip",
            mime="application/zip",
            on_click="ignore",
            data=lambda: dump_zip(registry().unsaved_conversations(owner), registry().catalogue.find_model),
        )
