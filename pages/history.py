"""Saved conversations: search, open, pin, rename, delete and restore them, and see what they cost."""

from __future__ import annotations

import streamlit as st

from lib.errors import PaddockError
from lib.ui import carry, shelf
from lib.ui.registry import registry
from lib.ui.trouble import trouble
from lib.ui.visitor import owner

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
        shelf.spend(store.spend(me))
    else:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            search = st.text_input(
                "Search",
                key=shelf.SEARCH,
                placeholder="Search titles and texts",
                label_visibility="collapsed",
            )
            if view == LIST:
                carry.draw(store.count(me))
                shelf.delete_all()
        carry.outcome()
        shelf.undo()
        count = store.count(me, search, deleted=view == BIN)
        pages = max(-(-count // shelf.PAGE_SIZE), 1)
        number = min(int(st.session_state.get(shelf.NUMBER, 1)), pages)
        if not count:
            st.caption("Nothing found." if search else "Nothing here yet.")
        for entry in store.entries(me, search, number - 1, shelf.PAGE_SIZE, deleted=view == BIN):
            shelf.row(entry, bin=view == BIN)
        if pages > 1:
            st.pagination(pages, key=shelf.NUMBER)
except PaddockError as error:
    trouble(error, "The history cannot be read at the moment")
