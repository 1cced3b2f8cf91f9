"""The row of a saved preset or schema: a button that uses it, a box that renames it, and a menu of more actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

import streamlit as st

from lib.errors import BadInput
from lib.store.named_rows import NamedRows
from lib.store.stored_values import SavedPreset, SavedSchema
from lib.ui.widgets.error_box import keep_error
from lib.ui.widgets.safe_markdown import escape_markdown

Saved = TypeVar("Saved", SavedPreset, SavedSchema)


def save_change(store: NamedRows[Saved], owner: str, before: Saved, item: Saved) -> None:
    """Save the item instead of ``before``, and say so if both are kept because that was changed elsewhere."""
    if (name := store.save(owner, item, before)) is not None:
        st.toast(
            f"“{escape_markdown(before.name)}” was changed in another tab or on another Paddock server too. "
            f"Both are kept: yours is “{escape_markdown(name)}”.",
            icon=":material/call_split:",
            duration="long",
        )


def delete_item(store: NamedRows[Saved], owner: str, item: Saved) -> None:
    """Delete the item. Raise BadInput if it was changed elsewhere since it was drawn."""
    if not store.delete(owner, item):
        raise BadInput(
            f"“{item.name}” was changed in another tab or on another Paddock server, so it is not deleted.",
            advice="It is shown as it is now. Delete it again if you no longer need it.",
        )


def draw_saved_item(
    saved: Saved,
    key: str,
    label: str,
    actions: Sequence[StrEnum],
    *,
    store: NamedRows[Saved],
    owner: str,
    max_name_chars: int,
    use: Callable[[], None],
    apply: Callable[[Any], None],
) -> None:
    """Draw the row of an item in the store. ``apply`` gets the action that was chosen in the menu.

    It and ``use`` are called in callbacks, and their errors are kept under ``{key}-problem`` of the session's state.
    """
    keep_errors = keep_error(f"{key}-problem")
    box, menu = f"{key}-renamed-{saved.id}", f"{key}-menu-{saved.id}"

    @keep_errors
    def rename() -> None:
        if name := " ".join(st.session_state[box].split()):
            save_change(store, owner, saved, replace(saved, name=name))

    @keep_errors
    def apply_chosen() -> None:
        apply(st.session_state[menu])

    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-{saved.id}"):
        st.button(label, key=f"{key}-use-{saved.id}", on_click=keep_errors(use), width="stretch")
        with st.popover("Rename", type="tertiary", key=f"{key}-rename-{saved.id}"):
            st.text_input("Name", saved.name, key=box, max_chars=max_name_chars, on_change=rename)
        st.menu_button(
            f"Actions for {escape_markdown(saved.name)}",
            actions,
            key=menu,
            icon=":material/more_horiz:",
            type="tertiary",
            on_click=apply_chosen,
        )
