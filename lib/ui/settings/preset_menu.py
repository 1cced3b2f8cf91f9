"""The menu of presets: apply one, save the settings as another, rename, replace, delete, export and import."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial

import streamlit as st

from lib.compare.comparison import SetupFields, differing_fields, setup_fields
from lib.errors import PaddockError
from lib.files import preset_file
from lib.files.preset_file import Preset
from lib.files.upload_reading import UploadReading
from lib.model.model_record import default_model
from lib.store.stored_values import SavedPreset
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import draw_error, draw_kept_error, keep_error
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.saved_item import delete_item, draw_saved_item, save_change
from lib.ui.widgets.upload_progress import draw_upload, read_upload


class PresetAction(StrEnum):
    """The menu of a preset of one's own; the values are the labels on the page."""

    START = "Use for new chats"
    NOT_START = "Do not use for new chats"
    OVERWRITE = "Replace with current settings"
    DELETE = "Delete"


_MENU = "presets"  # the key of the popover: True in the session's state while it is open
_OWN, _NAME, _FILE = "own", "preset-name", "preset-file"
_READING = "preset-reading"  # in the session's state: the file that is being read
_PROBLEM = f"{_OWN}-problem"


def draw_preset_menu(actions: ChatActions) -> None:
    with st.popover("Presets", icon=":material/bookmarks:", width="stretch", key=_MENU, on_change="rerun"):
        draw_kept_error(_PROBLEM)
        with st.container(horizontal=True, gap="small"):
            for number, preset in enumerate(preset_file.shipped_presets(actions.chat.model)):
                st.button(
                    preset.name,
                    key=f"preset-{number}",
                    help=preset.about,
                    on_click=_apply,
                    args=(actions, preset),
                )
        try:
            own = registry().store.presets.load_all(actions.owner)
        except PaddockError as error:
            draw_error(error, "Your presets cannot be read at the moment")
            return
        for saved in own:
            _draw_own(actions, saved)
        st.text_input(
            "Save current settings as",
            key=_NAME,
            placeholder="A name",
            max_chars=preset_file.MAX_PRESET_NAME_CHARS,
        )
        st.button("Save", key="preset-keep", icon=":material/bookmark_add:", on_click=_keep, args=(actions,))
        with st.expander("Export or import", type="compact"):
            st.download_button(
                "Export your presets",
                key="preset-export",
                file_name="paddock-presets.json",
                mime="application/json",
                data=lambda: preset_file.dump_presets(_presets(actions)),
                on_click="ignore",
                disabled=not own,
            )
            st.file_uploader(
                "Import", type="json", key=_FILE, on_change=_import, args=(actions,), max_upload_size=1
            )
            draw_upload(_READING, partial(_add_imported, actions))


def _draw_own(actions: ChatActions, saved: SavedPreset) -> None:
    draw_saved_item(
        saved,
        _OWN,
        escape_markdown(saved.name) + (" (for new chats)" if saved.is_start else ""),
        (
            PresetAction.NOT_START if saved.is_start else PresetAction.START,
            PresetAction.OVERWRITE,
            PresetAction.DELETE,
        ),
        store=registry().store.presets,
        owner=actions.owner,
        max_name_chars=preset_file.MAX_PRESET_NAME_CHARS,
        use=lambda: _apply(actions, _value(saved)),
        apply=partial(_apply_preset_action, actions, saved),
    )


def _value(saved: SavedPreset) -> Preset:
    return preset_file.parse_preset(saved.body | {"name": saved.name}, default_model())


def _presets(actions: ChatActions) -> list[Preset]:
    return [_value(saved) for saved in registry().store.presets.load_all(actions.owner)]


def _apply(actions: ChatActions, preset: Preset) -> None:
    """Use a preset, close the menu, and say what that changed."""
    before = _setup_fields(actions)
    actions.chat.change_settings(preset.apply_to)
    if preset.system is not None:
        actions.chat.set_system(preset.system)
    if preset.messages:
        actions.chat.prepared_messages = preset.messages
    _, changed = differing_fields((before, _setup_fields(actions)))
    changes = " · ".join(f"{field} {escape_markdown(value)}" for field, value in changed)
    st.toast(f"**{escape_markdown(preset.name)}:** {changes or 'nothing to change'}", icon=":material/check:")
    st.session_state[_MENU] = False


def _setup_fields(actions: ChatActions) -> SetupFields:
    return setup_fields(actions.chat.model, actions.chat.conversation.system, actions.chat.settings)


def _current_settings(actions: ChatActions, name: str) -> Preset:
    settings = actions.chat.settings
    return Preset(
        preset_file.clean_name(name),
        actions.chat.conversation.system,
        settings,
        features=settings.features,
        messages=actions.chat.prepared_messages,
    )


@keep_error(_PROBLEM)
def _keep(actions: ChatActions) -> None:
    registry().store.presets.add(actions.owner, _current_settings(actions, st.session_state[_NAME]))
    st.session_state[_NAME] = ""


def _apply_preset_action(actions: ChatActions, saved: SavedPreset, action: PresetAction) -> None:
    presets = registry().store.presets
    match action:
        case PresetAction.DELETE:
            delete_item(presets, actions.owner, saved)
        case PresetAction.OVERWRITE:
            new = _current_settings(actions, saved.name)
            changed = replace(saved, name=new.name, body=preset_file.write_preset(new))
            save_change(presets, actions.owner, saved, changed)
        case PresetAction.START | PresetAction.NOT_START:
            save_change(presets, actions.owner, saved, replace(saved, is_start=not saved.is_start))


def _import(actions: ChatActions) -> None:
    file = st.session_state[_FILE]
    call = () if file is None else (preset_file.load_presets, file.getvalue(), default_model())
    read_upload(_READING, partial(_add_imported, actions), *call)


@keep_error(_PROBLEM)
def _add_imported(actions: ChatActions, reading: UploadReading) -> None:
    for presets in reading.values():
        for preset in presets:
            registry().store.presets.add(actions.owner, preset)
