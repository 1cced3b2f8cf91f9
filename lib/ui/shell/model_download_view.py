"""The download of a model in the dialog “Where answers come from”: its progress, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from lib.local_models.download_task import DownloadStatus
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.error_box import draw_error, keep_error
from lib.ui.widgets.safe_markdown import escape_markdown


def draw_download(status: DownloadStatus, error_key: str) -> None:
    """Draw the download. The errors of its buttons are kept under that key."""
    share = min(status.done / status.total, 1.0) if status.total else 0.0
    if status.problem is not None:
        draw_error(status.problem, f"The download of {status.model.name} has failed")
    with st.container(key="model-download", gap="small"):
        st.progress(
            share, text=escape_markdown(status.describe() if status.problem is None else status.progress)
        )
        with st.container(horizontal=True):
            if status.is_running:
                _draw_button("Pause", "pause", ":material/pause:", _pause, error_key)
            else:
                label = "Try again" if status.problem else "Go on"
                _draw_button(label, "resume", ":material/play_arrow:", _resume, error_key)
            with st.popover("Cancel", icon=":material/close:", key="model-cancel"):
                _draw_button("Keep what has come", "keep", ":material/save:", _cancel_and_keep, error_key)
                _draw_button(
                    "Remove what has come", "drop", ":material/delete:", _cancel_and_remove, error_key
                )


def _draw_button(label: str, name: str, icon: str, act: Callable[[], None], error_key: str) -> None:
    st.button(label, key=f"model-{name}", icon=icon, on_click=_attempt, args=(act, error_key))


def _attempt(act: Callable[[], None], error_key: str) -> None:
    with keep_error(error_key):
        act()


def _pause() -> None:
    registry().models.pause(current_owner())


def _resume() -> None:
    registry().models.resume(current_owner())


def _cancel_and_keep() -> None:
    registry().models.cancel(current_owner(), keeps=True)


def _cancel_and_remove() -> None:
    registry().models.cancel(current_owner(), keeps=False)
