"""The mode of the page: with its controls, as a presentation to an audience, or in a frame of another page."""

from __future__ import annotations

from enum import Enum, auto

import streamlit as st

PRESENT_PARAMETER = "present"  # of the URL, so that a reload stays in the mode and a link can open it


class PageMode(Enum):
    """In the two modes without controls, only the content of the page is drawn."""

    NORMAL = auto()
    PRESENTING = auto()
    EMBEDDED = auto()

    @property
    def has_controls(self) -> bool:
        """True if the sidebar, menus and figures are drawn."""
        return self is PageMode.NORMAL


def current_mode() -> PageMode:
    """Return the mode that the URL asks for: ``?present=1`` or Streamlit's own ``?embed=true``."""
    if st.query_params.get(PRESENT_PARAMETER) == "1":
        return PageMode.PRESENTING
    return PageMode.EMBEDDED if st.context.is_embedded else PageMode.NORMAL


def start_presenting() -> None:
    st.query_params[PRESENT_PARAMETER] = "1"


def stop_presenting() -> None:
    st.query_params.pop(PRESENT_PARAMETER, None)
