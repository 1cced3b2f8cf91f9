"""Presets in the sidebar: choose one, keep the settings of the moment as another, carry them to another machine."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from lib import preset, store
from lib.errors import BadInput, PaddockError
from lib.model import Model
from lib.preset import Preset
from lib.ui import echo
from lib.ui.markdown import label
from lib.ui.registry import registry
from lib.ui.tab import SYSTEM, Tab
from lib.ui.trouble import trouble

START, NOT_START, OVERWRITE, DELETE = (
    "Begin with it",
    "Begin without it",
    "Replace with the settings now",
    "Delete",
)
_NAME, _RENAMED, _FILE, _PROBLEM = "preset-name", "preset-renamed-", "preset-file", "preset-problem"


def draw(tab: Tab) -> None:
    """The menu of presets."""
    with st.popover("Presets", icon=":material/bookmarks:", width="stretch", key="presets"):
        if (problem := st.session_state.pop(_PROBLEM, None)) is not None:
            trouble(problem)
        with st.container(horizontal=True, gap="small"):
            for number, one in enumerate(preset.shipped(tab.chat.model)):
                st.button(one.name, key=f"preset-{number}", help=one.about, on_click=_apply, args=(tab, one))
        try:
            own = registry().store.presets(tab.owner)
        except PaddockError as error:
            trouble(error, "Your own presets cannot be read at the moment")
            return
        for kept in own:
            _draw_own(tab, kept)
        st.text_input(
            "Keep the settings of now as", key=_NAME, placeholder="A name", max_chars=preset.MOST_NAME
        )
        st.button("Keep", key="preset-keep", icon=":material/bookmark_add:", on_click=_keep, args=(tab,))
        with st.expander("Carry them to another machine", type="compact"):
            st.download_button(
                "Export yours", key="preset-export", file_name="paddock-presets.json", mime="application/json",
                data=lambda: preset.dump(_presets(tab)), on_click="ignore", disabled=not own,
            )  # fmt: skip
            st.file_uploader(
                "Import", type="json", key=_FILE, on_change=_import, args=(tab,), max_upload_size=1
            )


def _draw_own(tab: Tab, kept: store.Preset) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"own-{kept.id}"):
        name = label(kept.name) + (" (start)" if kept.is_start else "")
        st.button(name, key=f"own-use-{kept.id}", on_click=_use, args=(tab, kept), width="stretch")
        with st.popover("Rename", type="tertiary", key=f"own-rename-{kept.id}"):
            key = f"{_RENAMED}{kept.id}"
            st.text_input(
                "Name",
                value=kept.name,
                key=key,
                max_chars=preset.MOST_NAME,
                on_change=_rename,
                args=(tab, kept, key),
            )
        st.menu_button(
            "⋯", (NOT_START if kept.is_start else START, OVERWRITE, DELETE), key=f"own-menu-{kept.id}",
            type="tertiary", on_click=_chosen, args=(tab, kept),
        )  # fmt: skip


def _value(kept: store.Preset, model: Model) -> Preset:
    return preset.read(kept.body | {"name": kept.name}, model)


def _presets(tab: Tab) -> list[Preset]:
    return [_value(kept, tab.chat.model) for kept in registry().store.presets(tab.owner)]


def _caught(act: Callable[[], object]) -> None:
    try:
        act()
    except PaddockError as error:
        st.session_state[_PROBLEM] = error


def _apply(tab: Tab, one: Preset) -> None:
    tab.chat.settings = one.over(tab.chat.settings)
    if one.system is not None:
        tab.chat.set_system(one.system)
        echo.follow(SYSTEM, one.system)


def _use(tab: Tab, kept: store.Preset) -> None:
    _caught(lambda: _apply(tab, _value(kept, tab.chat.model)))


def _now(tab: Tab, name: str) -> Preset:
    name = " ".join(name.split())
    if not name:
        raise BadInput("The preset has no name.", advice="Type one.")
    settings = tab.chat.settings
    return Preset(name, tab.chat.conversation.system, settings, features=settings.features)


def _put(tab: Tab, one: Preset, id: str | None = None, *, is_start: bool = False) -> None:
    registry().store.put_preset(
        tab.owner, store.Preset(id or uuid.uuid4().hex, one.name, preset.record(one), is_start)
    )


def _keep(tab: Tab) -> None:
    def act() -> None:
        _put(tab, _now(tab, st.session_state[_NAME]))
        st.session_state[_NAME] = ""

    _caught(act)


def _rename(tab: Tab, kept: store.Preset, key: str) -> None:
    name = " ".join(st.session_state[key].split())
    if name:
        _caught(lambda: registry().store.put_preset(tab.owner, replace(kept, name=name)))


def _chosen(tab: Tab, kept: store.Preset) -> None:
    keep = registry().store
    match st.session_state[f"own-menu-{kept.id}"]:
        case "Delete":
            _caught(lambda: keep.remove_preset(tab.owner, kept.id))
        case "Replace with the settings now":
            _caught(lambda: _put(tab, _now(tab, kept.name), kept.id, is_start=kept.is_start))
        case _:
            _caught(lambda: keep.put_preset(tab.owner, replace(kept, is_start=not kept.is_start)))


def _import(tab: Tab) -> None:
    if (file := st.session_state[_FILE]) is None:
        return

    def act() -> None:
        for one in preset.load(file.getvalue(), tab.chat.model):
            _put(tab, one)

    _caught(act)
