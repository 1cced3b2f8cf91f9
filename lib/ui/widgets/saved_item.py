"""The row of a saved preset or schema: a button that uses it, a box that renames it, and a menu of more actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

import streamlit as st

from lib.store.stored_values import SavedPreset, SavedSchema
from lib.ui.widgets.error_box import keep_error
from lib.ui.widgets.safe_markdown import escape_markdown

Saved = TypeVar("Saved", SavedPreset, SavedSchema)


def draw_saved_item(
    saved: Saved,
    key: str,
    label: str,
    actions: Sequence[StrEnum],
    *,
    max_name_chars: int,
    use: Callable[[], None],
    save: Callable[[Saved], None],
    apply: Callable[[Any], None],
) -> None:
    """Draw the row. ``save`` gets the renamed item, ``apply`` the action that was chosen in the menu.

    All three are called in callbacks, and their errors are kept under ``{key}-problem`` of the session's state.
    """
    keep_errors = keep_error(f"{key}-problem")
    box, menu = f"{key}-renamed-{saved.id}", f"{key}-menu-{saved.id}"

    @keep_errors
    def rename() -> None:
        if name := " ".join(st.session_state[box].split()):
            save(replace(saved, name=name))

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
