"""Carrying conversations in and out: everything as one file, and files that come back."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from lib.errors import PaddockError
from lib.files.archive import MOST_BYTES, Archived, dump_all, fresh, load_any
from lib.model.model_record import default
from lib.model.settings import complete
from lib.store import Saved
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor import owner
from lib.ui.widgets.error_box import trouble

_FILE, _PROBLEM, _CAME = "carry-file", "carry-problem", "carry-came"
_PAGE = 200  # conversations asked for at once


def archived(saved: Saved) -> Archived:
    """A saved conversation as a file holds it. A title that nobody chose is made anew where it is read."""
    entry = saved.entry
    settings = complete(saved.settings, default())
    return Archived(saved.conversation, settings, entry.title if entry.title_edited else "", entry.pinned)


def draw(count: int) -> None:
    """The menu: all of the list as a zip, and a place to put files."""
    with st.popover("Files", type="tertiary", icon=":material/folder_zip:", key="carry"):
        me = owner()
        st.download_button(
            f"Export all {count:,}" if count else "Export all",
            key="carry-export",
            icon=":material/download:",
            file_name="paddock.zip",
            mime="application/zip",
            on_click="ignore",
            disabled=not count,
            data=lambda: _export(me),
            help="Each as JSON, to bring back, and as Markdown, to read",
        )
        st.file_uploader(
            "Import",
            type=["json", "zip"],
            key=_FILE,
            on_change=_import,
            max_upload_size=MOST_BYTES // 1_000_000,
            help="Paddock's JSON or zip, or a plain list of messages. It is added; nothing is overwritten.",
        )


def outcome() -> None:
    """What became of the last import."""
    if (problem := st.session_state.pop(_PROBLEM, None)) is not None:
        trouble(problem, "Nothing was imported")
    if came := st.session_state.pop(_CAME, 0):
        st.success(f"{came:,} conversation{'s' * (came > 1)} imported.", icon=":material/check:")


def _export(me: str) -> bytes:
    return dump_all(_all(me), default())


def _all(me: str) -> Iterator[Archived]:
    store = registry().store
    number = 0
    while entries := store.entries(me, page=number, size=_PAGE):
        for entry in entries:
            if (saved := store.load(me, entry.id)) is not None:
                yield archived(saved)
        number += 1


def _import() -> None:
    """Take in a file: all of it, or where anything is wrong with it, nothing."""
    if (file := st.session_state[_FILE]) is None:
        return
    me, store = owner(), registry().store
    kept: list[str] = []
    try:
        for one in load_any(file.getvalue(), default()):
            conversation = fresh(one.conversation)
            kept.append(conversation.id)
            store.save(me, conversation, one.settings)
            if one.title:
                store.rename(me, conversation.id, one.title)
            if one.pinned:
                store.pin(me, conversation.id)
    except PaddockError as error:
        try:
            store.purge(me, *kept)
        finally:
            st.session_state[_PROBLEM] = error
    else:
        st.session_state[_CAME] = len(kept)
