"""Schemas kept under a name: use one, keep the one of the moment, rename, replace, delete."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from lib.errors import BadInput, PaddockError
from lib.jsonkit.json_schema import parse_schema
from lib.store import SavedSchema
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.error_box import draw_error, draw_kept_error, keep_error
from lib.ui.widgets.safe_markdown import escape_markdown

MAX_SCHEMA_NAME = 80
OVERWRITE, DELETE = "Replace with the schema now", "Delete"


def draw_saved_schemas(key: str, text: str, use: Callable[[str, str], None]) -> None:
    """The menu of kept schemas. ``text`` is the schema of the moment; ``use`` gets a kept one's name and text."""
    me = current_owner()
    with st.popover("Saved", icon=":material/bookmarks:", key=key):
        draw_kept_error(f"{key}-problem")
        try:
            kept = registry().store.schemas(me)
        except PaddockError as error:
            draw_error(error, "Saved schemas cannot be read at the moment")
            return
        if (gone := st.session_state.get(f"{key}-gone")) is not None:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.caption(f"“{escape_markdown(gone.name)}” was deleted.", width="content")
                st.button(
                    "Undo", key=f"{key}-undo", type="tertiary", on_click=_bring_back, args=(key, me, gone)
                )
        for one in kept:
            _draw_one(key, me, one, text, use)
        if not kept:
            st.caption("None yet.")
        st.text_input(
            "Keep this schema as", key=f"{key}-name", placeholder="A name", max_chars=MAX_SCHEMA_NAME
        )
        st.button(
            "Keep", key=f"{key}-keep", icon=":material/bookmark_add:", on_click=_keep, args=(key, me, text)
        )


def _draw_one(key: str, me: str, one: SavedSchema, text: str, use: Callable[[str, str], None]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-{one.id}"):
        st.button(
            escape_markdown(one.name),
            key=f"{key}-use-{one.id}",
            on_click=keep_error,
            width="stretch",
            args=(f"{key}-problem", lambda: use(one.name, one.body)),
        )
        with st.popover("Rename", type="tertiary", key=f"{key}-rename-{one.id}"):
            box = f"{key}-renamed-{one.id}"
            st.text_input(
                "Name",
                value=one.name,
                key=box,
                max_chars=MAX_SCHEMA_NAME,
                on_change=_rename,
                args=(key, me, one, box),
            )
        st.menu_button(
            "⋯",
            (OVERWRITE, DELETE),
            key=f"{key}-menu-{one.id}",
            type="tertiary",
            on_click=_chosen,
            args=(key, me, one, text),
        )


def _keep(key: str, me: str, text: str) -> None:
    def act() -> None:
        name = " ".join(st.session_state[f"{key}-name"].split())
        if not name:
            raise BadInput("The schema has no name.", advice="Type one.")
        parse_schema(text)
        registry().store.put_schema(me, SavedSchema(uuid.uuid4().hex, name, text))
        st.session_state[f"{key}-name"] = ""

    keep_error(f"{key}-problem", act)


def _rename(key: str, me: str, one: SavedSchema, box: str) -> None:
    if name := " ".join(st.session_state[box].split()):
        keep_error(f"{key}-problem", lambda: registry().store.put_schema(me, replace(one, name=name)))


def _chosen(key: str, me: str, one: SavedSchema, text: str) -> None:
    def act() -> None:
        if st.session_state[f"{key}-menu-{one.id}"] == DELETE:
            registry().store.remove_schema(me, one.id)
            st.session_state[f"{key}-gone"] = one
        else:
            parse_schema(text)
            registry().store.put_schema(me, replace(one, body=text))

    keep_error(f"{key}-problem", act)


def _bring_back(key: str, me: str, one: SavedSchema) -> None:
    def act() -> None:
        registry().store.put_schema(me, one)
        del st.session_state[f"{key}-gone"]

    keep_error(f"{key}-problem", act)
