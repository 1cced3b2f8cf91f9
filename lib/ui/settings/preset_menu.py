"""Presets in the sidebar: choose one, keep the settings of the moment as another, carry them to another machine."""

from __future__ import annotations

import uuid
from dataclasses import replace

import streamlit as st

from lib import store
from lib.errors import BadInput, PaddockError
from lib.files import preset_file
from lib.files.preset_file import Preset
from lib.model.model_record import Model
from lib.ui.settings.chat_actions import SYSTEM_KEY, ChatActions
from lib.ui.shell.registry import registry
from lib.ui.widgets import echo
from lib.ui.widgets.error_box import draw_error, draw_kept_error, keep_error
from lib.ui.widgets.safe_markdown import escape_markdown

START, NOT_START, OVERWRITE, DELETE = (
    "Begin with it",
    "Begin without it",
    "Replace with the settings now",
    "Delete",
)
_NAME, _RENAMED, _FILE, _PROBLEM = "preset-name", "preset-renamed-", "preset-file", "preset-problem"


def draw_preset_menu(panel: ChatActions) -> None:
    """The menu of presets."""
    with st.popover("Presets", icon=":material/bookmarks:", width="stretch", key="presets"):
        draw_kept_error(_PROBLEM)
        with st.container(horizontal=True, gap="small"):
            for number, one in enumerate(preset_file.shipped_presets(panel.chat.model)):
                st.button(
                    one.name, key=f"preset-{number}", help=one.about, on_click=_apply, args=(panel, one)
                )
        try:
            own = registry().store.presets(panel.owner)
        except PaddockError as error:
            draw_error(error, "Your own presets cannot be read at the moment")
            return
        for kept in own:
            _draw_own(panel, kept)
        st.text_input(
            "Keep the settings of now as",
            key=_NAME,
            placeholder="A name",
            max_chars=preset_file.MAX_PRESET_NAME_CHARS,
        )
        st.button("Keep", key="preset-keep", icon=":material/bookmark_add:", on_click=_keep, args=(panel,))
        with st.expander("Carry them to another machine", type="compact"):
            st.download_button(
                "Export yours",
                key="preset-export",
                file_name="paddock-presets.json",
                mime="application/json",
                data=lambda: preset_file.dump_presets(_presets(panel)),
                on_click="ignore",
                disabled=not own,
            )
            st.file_uploader(
                "Import", type="json", key=_FILE, on_change=_import, args=(panel,), max_upload_size=1
            )


def _draw_own(panel: ChatActions, kept: store.SavedPreset) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"own-{kept.id}"):
        name = escape_markdown(kept.name) + (" (start)" if kept.is_start else "")
        st.button(name, key=f"own-use-{kept.id}", on_click=_use, args=(panel, kept), width="stretch")
        with st.popover("Rename", type="tertiary", key=f"own-rename-{kept.id}"):
            key = f"{_RENAMED}{kept.id}"
            st.text_input(
                "Name",
                value=kept.name,
                key=key,
                max_chars=preset_file.MAX_PRESET_NAME_CHARS,
                on_change=_rename,
                args=(panel, kept, key),
            )
        st.menu_button(
            "⋯",
            (NOT_START if kept.is_start else START, OVERWRITE, DELETE),
            key=f"own-menu-{kept.id}",
            type="tertiary",
            on_click=_chosen,
            args=(panel, kept),
        )


def _value(kept: store.SavedPreset, model: Model) -> Preset:
    return preset_file.parse_preset(kept.body | {"name": kept.name}, model)


def _presets(panel: ChatActions) -> list[Preset]:
    return [_value(kept, panel.chat.model) for kept in registry().store.presets(panel.owner)]


def _apply(panel: ChatActions, one: Preset) -> None:
    panel.chat.change_settings(one.apply_to)
    if one.system is not None:
        panel.chat.set_system(one.system)
        echo.follow(panel.key(SYSTEM_KEY), one.system)


def _use(panel: ChatActions, kept: store.SavedPreset) -> None:
    keep_error(_PROBLEM, lambda: _apply(panel, _value(kept, panel.chat.model)))


def _now(panel: ChatActions, name: str) -> Preset:
    name = " ".join(name.split())
    if not name:
        raise BadInput("The preset has no name.", advice="Type one.")
    settings = panel.chat.settings
    return Preset(name, panel.chat.conversation.system, settings, features=settings.features)


def _put(panel: ChatActions, one: Preset, id: str | None = None, *, is_start: bool = False) -> None:
    registry().store.put_preset(
        panel.owner,
        store.SavedPreset(id or uuid.uuid4().hex, one.name, preset_file.write_preset(one), is_start),
    )


def _keep(panel: ChatActions) -> None:
    def act() -> None:
        _put(panel, _now(panel, st.session_state[_NAME]))
        st.session_state[_NAME] = ""

    keep_error(_PROBLEM, act)


def _rename(panel: ChatActions, kept: store.SavedPreset, key: str) -> None:
    name = " ".join(st.session_state[key].split())
    if name:
        keep_error(_PROBLEM, lambda: registry().store.put_preset(panel.owner, replace(kept, name=name)))


def _chosen(panel: ChatActions, kept: store.SavedPreset) -> None:
    keep = registry().store
    match st.session_state[f"own-menu-{kept.id}"]:
        case "Delete":
            keep_error(_PROBLEM, lambda: keep.remove_preset(panel.owner, kept.id))
        case "Replace with the settings now":
            keep_error(_PROBLEM, lambda: _put(panel, _now(panel, kept.name), kept.id, is_start=kept.is_start))
        case _:
            keep_error(
                _PROBLEM, lambda: keep.put_preset(panel.owner, replace(kept, is_start=not kept.is_start))
            )


def _import(panel: ChatActions) -> None:
    if (file := st.session_state[_FILE]) is None:
        return

    def act() -> None:
        for one in preset_file.load_presets(file.getvalue(), panel.chat.model):
            _put(panel, one)

    keep_error(_PROBLEM, act)
