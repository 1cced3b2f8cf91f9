"""The History page: search, open, pin, rename, delete and restore conversations, and see their cost."""

from __future__ import annotations

import streamlit as st

from lib.errors import PaddockError
from lib.ui.history import history_list, import_export, other_lists, spend
from lib.ui.history.history_list import HistoryView
from lib.ui.shell.page_heading import set_browser_title
from lib.ui.shell.registry import registry
from lib.ui.shell.save_warning import SaveWarning
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.error_box import draw_error

owner = current_owner()
store = registry().store
# The list is to contain the latest messages too.
registry().autosave.save()

set_browser_title("History")
st.title("History", anchor=False)
SaveWarning()
view = st.segmented_control(
    "View",
    tuple(HistoryView),
    key="history-view",
    required=True,
    default=HistoryView.CONVERSATIONS,
    label_visibility="collapsed",
)
try:
    total = store.conversations.count(owner) + store.comparisons.count(owner)
except PaddockError:
    total = 0  # the list says what is wrong; backups can be restored all the same


def draw_search() -> str:
    return st.text_input(
        "Search",
        key=history_list.SEARCH_KEY,
        placeholder="Search titles and texts",
        label_visibility="collapsed",
    )


def draw_conversations(*, is_bin: bool) -> None:
    """Draw one page of the list of conversations or of the bin, with what can be done with all of them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        search = draw_search()
        if not is_bin:
            import_export.draw_import_export_menu(total)
            history_list.draw_delete_all()
    import_export.draw_import_outcome()
    history_list.draw_undo()
    count = store.conversations.count(owner, search, deleted=is_bin)
    pages = max(-(-count // history_list.PAGE_SIZE), 1)
    number = min(int(st.session_state.get(history_list.PAGE_KEY, 1)), pages)
    if not count:
        hint = "" if is_bin else " A conversation is saved with its first message."
        st.caption("Nothing found." if search else f"Nothing here yet.{hint}")
    for entry in store.conversations.entries(
        owner, search, number - 1, history_list.PAGE_SIZE, deleted=is_bin
    ):
        history_list.draw_conversation(entry, is_deleted=is_bin)
    if pages > 1:
        st.pagination(pages, key=history_list.PAGE_KEY)


try:
    match view:
        case HistoryView.SPEND:
            spend.draw_spend(store.conversations.daily_usage(owner) + store.experiments.daily_usage(owner))
        case HistoryView.COMPARISONS:
            other_lists.draw_comparisons(store.comparisons.newest(owner, None), draw_search())
        case HistoryView.EXPERIMENTS:
            other_lists.draw_experiments(store.experiments.entries(owner), draw_search())
        case _:
            draw_conversations(is_bin=view is HistoryView.BIN)
except PaddockError as error:
    draw_error(error, "The history cannot be read at the moment")
