"""The menu of saved schemas: use one, save the current one, rename, replace and delete."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from functools import partial

import streamlit as st

from lib.errors import BadInput, PaddockError
from lib.jsonkit.json_schema import parse_schema
from lib.store.stored_values import SavedSchema
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.error_box import draw_error, draw_kept_error, keep_error
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.saved_item import delete_item, draw_saved_item, save_change

MAX_SCHEMA_NAME = 80


class SchemaAction(StrEnum):
    """The menu of a saved schema; the values are the labels on the page."""

    OVERWRITE = "Replace with current fields"
    DELETE = "Delete"


def draw_saved_schemas(key: str, text: str, use: Callable[[str, str], None]) -> None:
    """Draw the menu. ``text`` is the current schema; ``use`` gets the name and text of the one to use."""
    owner = current_owner()
    with st.popover("Saved", icon=":material/bookmarks:", key=key):
        draw_kept_error(f"{key}-problem")
        try:
            own = registry().store.schemas.load_all(owner)
        except PaddockError as error:
            draw_error(error, "Saved fields cannot be read at the moment")
            return
        if (gone := st.session_state.get(f"{key}-gone")) is not None:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.caption(f"“{escape_markdown(gone.name)}” was deleted.", width="content")
                st.button(
                    "Undo", key=f"{key}-undo", type="tertiary", on_click=_bring_back, args=(key, owner, gone)
                )
        for saved in own:
            draw_saved_item(
                saved,
                key,
                escape_markdown(saved.name),
                tuple(SchemaAction),
                store=registry().store.schemas,
                owner=owner,
                max_name_chars=MAX_SCHEMA_NAME,
                use=partial(use, saved.name, saved.body),
                apply=partial(_apply_schema_action, key, owner, saved, text),
            )
        if not own:
            st.caption("None yet.")
        st.text_input(
            "Save these fields as", key=f"{key}-name", placeholder="A name", max_chars=MAX_SCHEMA_NAME
        )
        st.button(
            "Save", key=f"{key}-keep", icon=":material/bookmark_add:", on_click=_keep, args=(key, owner, text)
        )


def _keep(key: str, owner: str, text: str) -> None:
    with keep_error(f"{key}-problem"):
        name = " ".join(st.session_state[f"{key}-name"].split())
        if not name:
            raise BadInput("The fields have no name.", advice="Type one.")
        parse_schema(text)
        registry().store.schemas.save(owner, SavedSchema(uuid.uuid4().hex, name, text))
        st.session_state[f"{key}-name"] = ""


def _apply_schema_action(key: str, owner: str, saved: SavedSchema, text: str, action: SchemaAction) -> None:
    schemas = registry().store.schemas
    match action:
        case SchemaAction.DELETE:
            delete_item(schemas, owner, saved)
            st.session_state[f"{key}-gone"] = saved
        case SchemaAction.OVERWRITE:
            parse_schema(text)
            save_change(schemas, owner, saved, replace(saved, body=text))


def _bring_back(key: str, owner: str, saved: SavedSchema) -> None:
    with keep_error(f"{key}-problem"):
        registry().store.schemas.save(owner, saved)
        del st.session_state[f"{key}-gone"]
