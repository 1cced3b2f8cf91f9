"""The list of saved conversations: open, pin, rename, delete and restore them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import streamlit as st

from lib.store.stored_values import ConversationEntry
from lib.ui.history.spend import spend_text
from lib.ui.shell.page_paths import CHAT_PAGE
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.error_box import draw_kept_error, keep_error
from lib.ui.widgets.local_time import format_local_time
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.undo_line import draw_undo_line

PAGE_SIZE = 25
# Keys of the search box and of the page number.
SEARCH_KEY, PAGE_KEY = "history-search", "history-page"
# In the session's state: the ids that were deleted last, and the error of the last change.
_UNDO, _PROBLEM = "history-undo", "history-problem"


class HistoryView(StrEnum):
    """The views of the History page, with their labels."""

    CONVERSATIONS = "Conversations"
    COMPARISONS = "Comparisons"
    EXPERIMENTS = "Experiments"
    BIN = "Bin"
    SPEND = "Spend"


def draw_conversation(entry: ConversationEntry, *, is_deleted: bool) -> None:
    """Draw one conversation of the list: a link with its title, or Restore if it is in the bin."""
    with st.container(key=f"entry-{entry.id}", border=True, gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if is_deleted:
                st.text(entry.title or "Untitled", width="stretch")
                _button("Restore", f"restore-{entry.id}", ":material/restore_from_trash:", _restore, entry.id)
            else:
                st.page_link(
                    CHAT_PAGE,
                    label=escape_markdown(entry.title or "Untitled"),
                    query_params={"c": entry.id},
                    width="stretch",
                    icon=":material/keep:" if entry.pinned else None,
                )
                _button("Unpin" if entry.pinned else "Pin", f"pin-{entry.id}", None, _pin, entry)
                with st.popover("Rename", type="tertiary", key=f"rename-{entry.id}"):
                    st.text_input(
                        "Title",
                        value=entry.title,
                        key=f"title-{entry.id}",
                        on_change=_rename,
                        args=(entry.id,),
                        help="Leave it empty to use the words of the first message",
                    )
                _button("Delete", f"delete-{entry.id}", None, _delete, entry.id)
        facts = [format_local_time(entry.updated), f"{entry.message_count} messages"]
        if entry.daily_usage:
            tokens = sum(day.usage.total_tokens for day in entry.daily_usage)
            facts += [f"{tokens:,} tokens", spend_text(entry.daily_usage)]
        st.caption(" · ".join(facts))


def _button(name: str, key: str, icon: str | None, on_click: Callable[..., None], *args: object) -> None:
    st.button(name, key=key, icon=icon, type="tertiary", on_click=on_click, args=args)


def draw_undo() -> None:
    """Draw what went wrong with the last change, and Undo for the last deletion."""
    draw_kept_error(_PROBLEM, "The history could not be changed")
    if ids := st.session_state.get(_UNDO):
        what = "One conversation was" if len(ids) == 1 else f"{len(ids):,} conversations were"
        draw_undo_line(f"{what} deleted.", "undo-delete", _restore, *ids)


def draw_delete_all() -> None:
    """Draw the button that puts all conversations into the bin, with a confirmation."""
    with st.popover("Delete all", type="tertiary", icon=":material/delete_sweep:", key="delete-all"):
        st.markdown("All conversations move to the bin. You can restore them there.")
        st.button("Delete all conversations", key="delete-all-now", type="primary", on_click=_delete_all)


def _pin(entry: ConversationEntry) -> None:
    with keep_error(_PROBLEM):
        registry().store.conversations.pin(current_owner(), entry.id, not entry.pinned)


def _rename(id: str) -> None:
    with keep_error(_PROBLEM):
        registry().store.conversations.rename(current_owner(), id, st.session_state[f"title-{id}"])


def _delete(id: str) -> None:
    with keep_error(_PROBLEM):
        registry().store.conversations.delete(current_owner(), id)
        registry().drop_chats(id)
        st.session_state[_UNDO] = (id,)


def _delete_all() -> None:
    with keep_error(_PROBLEM):
        ids = registry().store.conversations.delete_all(current_owner())
        registry().drop_chats(*ids)
        st.session_state[_UNDO] = ids


def _restore(*ids: str) -> None:
    with keep_error(_PROBLEM):
        registry().store.conversations.restore(current_owner(), *ids)
    st.session_state.pop(_UNDO, None)
