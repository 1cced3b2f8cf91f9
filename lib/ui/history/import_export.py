"""Carrying conversations in and out: everything as one file, and files that come back."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from lib.errors import PaddockError
from lib.files.conversation_import_export import (
    MAX_BYTES,
    ConversationFile,
    dump_zip,
    load_conversations,
    with_new_id,
)
from lib.model.model_record import default_model
from lib.model.settings import fit_to_model
from lib.store import SavedConversation
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.error_box import draw_error

_FILE, _PROBLEM, _CAME = "carry-file", "carry-problem", "carry-came"
_PAGE = 200  # conversations asked for at once


def to_archived(saved: SavedConversation) -> ConversationFile:
    """A saved conversation as a file holds it. A title that nobody chose is made anew where it is read."""
    entry = saved.entry
    settings = fit_to_model(saved.settings, default_model())
    return ConversationFile(
        saved.conversation, settings, entry.title if entry.title_edited else "", entry.pinned
    )


def draw_import_export_menu(count: int) -> None:
    """The menu: all of the list as a zip, and a place to put files."""
    with st.popover("Files", type="tertiary", icon=":material/folder_zip:", key="carry"):
        me = current_owner()
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
            max_upload_size=MAX_BYTES // 1_000_000,
            help="Paddock's JSON or zip, or a plain list of messages. It is added; nothing is overwritten.",
        )


def draw_import_outcome() -> None:
    """What became of the last import."""
    if (problem := st.session_state.pop(_PROBLEM, None)) is not None:
        draw_error(problem, "Nothing was imported")
    if came := st.session_state.pop(_CAME, 0):
        st.success(f"{came:,} conversation{'s' * (came > 1)} imported.", icon=":material/check:")


def _export(me: str) -> bytes:
    return dump_zip(_all(me), default_model())


def _all(me: str) -> Iterator[ConversationFile]:
    store = registry().store
    number = 0
    while entries := store.entries(me, page=number, size=_PAGE):
        for entry in entries:
            if (saved := store.load(me, entry.id)) is not None:
                yield to_archived(saved)
        number += 1


def _import() -> None:
    """Take in a file: all of it, or where anything is wrong with it, nothing."""
    if (file := st.session_state[_FILE]) is None:
        return
    me, store = current_owner(), registry().store
    kept: list[str] = []
    try:
        for one in load_conversations(file.getvalue(), default_model()):
            conversation = with_new_id(one.conversation)
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
