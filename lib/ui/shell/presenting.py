"""The presenting mode: the buttons that start and end it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lib.ui.shell import page_mode
from lib.ui.widgets.bound import bind

# Alt, because a letter alone would be typed where the message box has the focus.
SHORTCUT = "Alt+P"
_SHOWS_SYSTEM = "presenting-shows-system"  # in the session's state


def draw_present_button() -> None:
    """Draw the button that starts the presenting mode."""
    _draw_mode_button(
        "Present",
        ":material/present_to_all:",
        page_mode.start_presenting,
        "Large text for an audience, without settings, figures and menus. Escape leads back.",
    )


def _draw_mode_button(label: str, icon: str, on_click: Callable[[], None], help: str) -> None:
    st.button(
        label, key="present", icon=icon, type="tertiary", shortcut=SHORTCUT, on_click=on_click, help=help
    )


class PresentingBar:
    """The presenter's buttons, at the point where it is made.

    ``stop`` ends what Escape ends first, and returns False if there is nothing such. ``has_system``: there is a
    system prompt, which a switch can show to the audience.
    """

    def __init__(self, stop: Callable[[], bool] = lambda: False, *, has_system: bool = False) -> None:
        self._stop = stop
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="presenting"):
            self._actions = st.empty()
            st.space("stretch")
            if has_system:
                _draw_system_switch()
            _draw_mode_button(
                "Leave",
                ":material/close_fullscreen:",
                page_mode.stop_presenting,
                "Back to the page with everything on it",
            )
            # One button for all that the key does: the browser keeps a button that was removed, and its key, until
            # the page's script ends, which is when an answer ends.
            st.button("Escape", key="present-escape", shortcut="Escape", on_click=self._take_escape)

    def draw_actions(self, draw: Callable[[], None]) -> None:
        """Draw further buttons, now that no answer streams."""
        with self._actions.container(horizontal=True, width="content"):
            draw()

    def _take_escape(self) -> None:
        if not self._stop():
            page_mode.stop_presenting()


def _draw_system_switch() -> None:
    switch = bind("presenting-system", shows_system(), _show_system)
    st.toggle("System prompt", help="Show it to the audience", **switch.arguments())


def shows_system() -> bool:
    """Return True if the presenter chose to show the system prompt."""
    return bool(st.session_state.get(_SHOWS_SYSTEM, False))


def _show_system(on: bool) -> None:
    st.session_state[_SHOWS_SYSTEM] = on
