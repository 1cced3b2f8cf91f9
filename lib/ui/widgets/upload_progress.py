"""An upload that is being read: its progress and Cancel, while the rest of the page can be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from lib.files.upload_reading import UploadReading
from lib.ui.widgets.auto_refresh import refresh_after

# Ordinary files are read by then, so that the page is drawn once, with their contents.
QUICK_SECONDS = 1.0
_POLL_SECONDS = 0.5

Finish = Callable[[UploadReading], None]


def read_upload(key: str, finish: Finish, *call: Any) -> None:
    """Read an upload by that call, a function and its arguments, instead of the one that is being read under the key.

    An empty call only cancels that one. ``finish`` takes the result, here if the file is read in a moment, else in
    ``draw_upload``. The reading is kept in the session's state, so that it ends with the session.
    """
    if (previous := st.session_state.pop(key, None)) is not None:
        previous.cancel()
    if not call:
        return
    reading = UploadReading(*call)
    if reading.wait(QUICK_SECONDS):
        finish(reading)
    else:
        st.session_state[key] = reading


def draw_upload(key: str, finish: Finish) -> None:
    """Draw the upload that is being read under that key, if there is one."""
    if key in st.session_state:
        _draw_reading(key, finish)


@st.fragment
def _draw_reading(key: str, finish: Finish) -> None:
    reading: UploadReading | None = st.session_state.get(key)
    if reading is None:  # a late request of a page that was drawn again since
        return
    if reading.is_cancelled:
        st.caption("Cancelled. Nothing was taken from the file.")
        return
    if reading.is_done:
        del st.session_state[key]
        finish(reading)
        st.rerun()
    limit = reading.limits.seconds
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(reading.seconds / limit, 1.0), text=_progress_text(reading))
        st.button("Cancel", key=f"{key}-cancel", on_click=reading.cancel)
    refresh_after(key, _POLL_SECONDS)


def _progress_text(reading: UploadReading) -> str:
    if not reading.seconds:
        return "Waiting: other files are being read"
    count = f"{reading.part_count:,} read · " if reading.part_count else ""
    return f"Reading the file · {count}{reading.seconds:.0f} s of at most {reading.limits.seconds:.0f}"
