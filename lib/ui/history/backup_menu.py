"""The backups of the SQLite database in the Files menu: a list, and a restore that has to be confirmed."""

from __future__ import annotations

import streamlit as st

from lib.errors import BadInput
from lib.store.backup import Backup, BackupReason
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER, current_owner
from lib.ui.widgets.error_box import draw_error, draw_kept_error, keep_error
from lib.ui.widgets.local_time import format_local_time
from lib.ui.widgets.safe_markdown import escape_markdown

BACKUP_KEY, CONFIRM_KEY, RESTORE_KEY = "backup", "backup-confirm", "backup-restore"
# In the session's state: the error of the last restore, and the label of the backup that was restored last.
_PROBLEM, _RESTORED = "backup-problem", "backup-restored"
_REASONS = {
    BackupReason.DAILY: "daily",
    BackupReason.BEFORE_MIGRATION: "before an update of Paddock",
    BackupReason.BEFORE_RESTORE: "before a backup was restored",
}


def draw_backups(owner: str) -> None:
    """Draw the backups and Restore. Nothing is drawn for visitors, or if the database is not SQLite."""
    backups = registry().store.database.backups
    if backups is None or owner != LOCAL_OWNER:
        return
    st.divider()
    st.caption(f"Backups are made daily and before each update, in {escape_markdown(str(backups.folder))}.")
    if backups.problem is not None:
        draw_error(backups.problem, "The last backup failed")
    labels = {backup.file.name: _label(backup) for backup in backups.entries()}
    if not labels:
        st.caption("No backup yet.")
        return
    st.selectbox("Backup", list(labels), key=BACKUP_KEY, format_func=lambda name: labels.get(name, name))
    confirmed = st.checkbox(
        "Replace everything that is saved here, for everybody",
        key=CONFIRM_KEY,
        help="The current data is backed up first.",
    )
    st.button(
        "Restore", key=RESTORE_KEY, icon=":material/history:", disabled=not confirmed, on_click=_restore
    )


def draw_restore_outcome() -> None:
    """Draw the error or the result of the last restore, once."""
    draw_kept_error(_PROBLEM, "Nothing was restored")
    if label := st.session_state.pop(_RESTORED, ""):
        st.success(
            f"Restored: {label}. Reload other open pages. Conversations that were not saved before are saved now.",
            icon=":material/check:",
        )


def _label(backup: Backup) -> str:
    is_daily = backup.reason is BackupReason.DAILY
    time = f"{backup.made:%Y-%m-%d}" if is_daily else format_local_time(backup.made)
    return f"{time} · {_REASONS[backup.reason]}"


def _restore() -> None:
    with keep_error(_PROBLEM):
        name = str(st.session_state.get(BACKUP_KEY))
        if not st.session_state.get(CONFIRM_KEY):
            raise BadInput("Confirm first that everything is replaced.")
        # Not the owner of the last drawing: whoever asks now must be the local one.
        registry().restore_backup(current_owner(), name)
        st.session_state[_RESTORED] = name
    st.session_state[CONFIRM_KEY] = False
