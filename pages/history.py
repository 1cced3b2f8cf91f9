"""Saved conversations: search, open, pin, rename, delete and restore them, and see what they cost."""

from __future__ import annotations

import streamlit as st

from lib.errors import PaddockError
from lib.ui.history import conversation_shelf, import_export
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor import owner
from lib.ui.widgets.error_box import trouble

LIST, BIN, SPEND = "Conversations", "Bin", "Spend"

me = owner()
store = registry().store
registry().saver.save()  # what was said a moment ago is in the list too

st.title("History")
view = st.segmented_control(
    "View", (LIST, BIN, SPEND), key="history-view", required=True, default=LIST, label_visibility="collapsed"
)
try:
    if view == SPEND:
        conversation_shelf.spend(store.spend(me))
    else:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            search = st.text_input(
                "Search",
                key=conversation_shelf.SEARCH,
                placeholder="Search titles and texts",
                label_visibility="collapsed",
            )
            if view == LIST:
                import_export.draw(store.count(me))
                conversation_shelf.delete_all()
        import_export.outcome()
        conversation_shelf.undo()
        count = store.count(me, search, deleted=view == BIN)
        pages = max(-(-count // conversation_shelf.PAGE_SIZE), 1)
        number = min(int(st.session_state.get(conversation_shelf.NUMBER, 1)), pages)
        if not count:
            st.caption("Nothing found." if search else "Nothing here yet.")
        for entry in store.entries(me, search, number - 1, conversation_shelf.PAGE_SIZE, deleted=view == BIN):
            conversation_shelf.row(entry, bin=view == BIN)
        if pages > 1:
            st.pagination(pages, key=conversation_shelf.NUMBER)
except PaddockError as error:
    trouble(error, "The history cannot be read at the moment")
