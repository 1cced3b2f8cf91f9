"""Export of all conversations as a zip file, and import of conversation files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import streamlit as st

from lib.compare.comparison import load_comparison
from lib.compare.comparison_file import ComparisonFile, dump_comparison_file, read_archive
from lib.files.conversation_import_export import dump_zip
from lib.files.conversation_json import ConversationFile, with_new_id
from lib.files.upload_reading import UploadReading
from lib.jsonkit.file_limits import MAX_FILE_BYTES
from lib.model.model_record import default_model
from lib.model.settings import fit_to_model
from lib.store.stored_values import SavedConversation
from lib.ui.history import backup_menu
from lib.ui.shell.account_catalogue import find_model, find_or_stand_in
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.error_box import draw_kept_error, keep_error
from lib.ui.widgets.short_text import count_of
from lib.ui.widgets.upload_progress import draw_upload, read_upload

_FILE, _READING = "carry-file", "carry-reading"  # the keys of the uploader and of the file that is being read
# In the session's state: the error of the last import, or the number of conversations that it brought.
_PROBLEM, _IMPORTED = "carry-problem", "carry-came"
_PAGE_SIZE = 200  # conversations read at once for an export


def to_archived(saved: SavedConversation) -> ConversationFile:
    """Convert a saved conversation for a file. Only a title that the user chose is written."""
    entry = saved.entry
    model = find_or_stand_in(saved.settings.model)
    settings = fit_to_model(saved.settings, model) if model.is_known else saved.settings
    title = entry.title if entry.title_edited else ""
    return ConversationFile(saved.conversation, settings, title, entry.pinned)


def draw_import_export_menu(count: int) -> None:
    """Draw the menu with the export of all ``count`` conversations and comparisons, and the import."""
    with st.popover("Files", type="tertiary", icon=":material/folder_zip:", key="carry"):
        owner = current_owner()
        st.download_button(
            f"Export all {count:,}" if count else "Export all",
            key="carry-export",
            icon=":material/download:",
            file_name="paddock.zip",
            mime="application/zip",
            on_click="ignore",
            disabled=not count,
            data=lambda: export_all(owner),
            help="Conversations as JSON, to import again, and as Markdown, to read; comparisons as JSON",
        )
        st.file_uploader(
            "Import",
            type=["json", "jsonl", "zip"],
            key=_FILE,
            on_change=_import,
            max_upload_size=MAX_FILE_BYTES // 1_000_000,
            help="Files of Paddock, exports of ChatGPT, Claude and Open WebUI, lists of messages, JSON Lines. "
            "Everything is added; nothing is overwritten.",
        )
        backup_menu.draw_backups(owner)


def export_all(owner: str) -> bytes:
    """Return a zip of all conversations and comparisons."""
    return dump_zip(_saved_conversations(owner), find_model, _saved_comparisons(owner))


def draw_import_outcome() -> None:
    """Draw the import under way, and the error or the result of the last import or restore, once."""
    backup_menu.draw_restore_outcome()
    draw_upload(_READING, _save_imported)
    draw_kept_error(_PROBLEM, "Nothing was imported")
    conversations, comparisons = st.session_state.pop(_IMPORTED, (0, 0))
    parts = [count_of(conversations, "conversation")] if conversations else []
    parts += [count_of(comparisons, "comparison")] if comparisons else []
    if parts:
        st.success(f"{' and '.join(parts)} imported.", icon=":material/check:")


def _saved_conversations(owner: str) -> Iterator[ConversationFile]:
    store, number = registry().store, 0
    while entries := store.conversations.entries(owner, page=number, size=_PAGE_SIZE):
        for entry in entries:
            if (saved := store.conversations.load(owner, entry.id)) is not None:
                yield to_archived(saved)
        number += 1


def _saved_comparisons(owner: str) -> Iterator[tuple[str, str]]:
    """Yield the title and the document of each comparison."""
    store = registry().store
    for saved in store.comparisons.newest(owner, None):
        comparison = load_comparison(saved.id, saved.body)
        columns = [store.conversations.load(owner, column.id) for column in comparison.columns]
        existing = {column.conversation.id: to_archived(column) for column in columns if column is not None}
        file = ComparisonFile(comparison.with_only_columns(existing), tuple(existing.values()))
        yield file.title, dump_comparison_file(file)


def _import() -> None:
    file = st.session_state[_FILE]
    call = () if file is None else (read_archive, file.getvalue(), default_model())
    read_upload(_READING, _save_imported, *call)


def _save_imported(reading: UploadReading) -> None:
    """Save everything in the uploaded file, or nothing if anything is wrong with it."""
    with keep_error(_PROBLEM):
        new = (_with_new_ids(each) for each in reading.values())
        st.session_state[_IMPORTED] = registry().store.conversations.add_all(current_owner(), new)


def _with_new_ids(file: ConversationFile | ComparisonFile) -> ConversationFile | ComparisonFile:
    if isinstance(file, ComparisonFile):
        return file.with_new_ids()
    return replace(file, conversation=with_new_id(file.conversation))
