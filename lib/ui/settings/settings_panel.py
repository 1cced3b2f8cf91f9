"""The settings of a chat in the sidebar: all of them in sections that fold, or the few that most people use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum

import streamlit as st

from lib.model.settings import Settings
from lib.preflight.conflicts import FORM, LORA, RAW, STREAM, TOOLS, Conflict
from lib.ui.settings import conflict_fix, option_controls, other_parameters, parameter_controls
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.shell.preferences import get_preference, keep_preferences, set_preference
from lib.ui.widgets.bound import bind, draw_choice

_PREFERENCE = "settings"
# The options of a request that the simple view hides, with their labels.
_HIDDEN_OPTIONS = {
    "form": "How to ask",
    "stream": "Stream",
    "raw": "No template",
    "reject_if_busy": "Refuse if busy",
    "tools": "Tools",
    "functions": "Functions",
    "lora": "Adapter",
}


class ShownSettings(StrEnum):
    """The two views of the settings, as the preference is kept."""

    SIMPLE = "simple"
    ALL = "all"


_LABELS = {ShownSettings.SIMPLE: "Simple", ShownSettings.ALL: "All settings"}


class SettingsSection(StrEnum):
    """The sections of the settings, as the preference is kept."""

    PROMPT = "prompt"
    ANSWER = "answer"
    SAMPLING = "sampling"
    TOOLS = "tools"


_SECTION_LABELS = {
    SettingsSection.PROMPT: "Prompt",
    SettingsSection.ANSWER: "Answer",
    SettingsSection.SAMPLING: "Sampling",
    SettingsSection.TOOLS: "Tools and adapters",
}


def draw_settings(
    actions: ChatActions, conflicts: Sequence[Conflict], *, busy: bool, draw_notes: Callable[[str], None]
) -> None:
    """Draw the switch between the views, and the settings. ``draw_notes`` draws what is below a parameter."""
    shown = _shown_settings()
    switch = bind(actions.key("choose-settings"), shown, _choose)
    draw_choice(
        "Settings",
        tuple(ShownSettings),
        switch,
        format_func=_LABELS.__getitem__,
        width="stretch",
        label_visibility="collapsed",
    )
    if shown is ShownSettings.SIMPLE:
        _draw_simple(actions, conflicts, busy=busy, draw_notes=draw_notes)
    else:
        with _section(actions, SettingsSection.PROMPT):
            option_controls.draw_prompt(actions, conflicts)
        with _section(actions, SettingsSection.ANSWER):
            option_controls.draw_format(actions, conflicts, busy=busy)
            option_controls.draw_switches(actions, conflicts)
        with _section(actions, SettingsSection.SAMPLING):
            parameter_controls.draw_parameters(actions, draw_notes)
            other_parameters.draw_other_parameters(actions)
        if _has_tools(actions):
            with _section(actions, SettingsSection.TOOLS):
                option_controls.draw_tools(actions, conflicts, busy=busy)
    keep_preferences()


def _has_tools(actions: ChatActions) -> bool:
    return any(actions.chat.model.takes(name) for name in ("tools", "functions", "lora"))


def _shown_settings() -> ShownSettings:
    kept = get_preference(_PREFERENCE, ShownSettings.ALL)
    return ShownSettings.SIMPLE if kept == ShownSettings.SIMPLE else ShownSettings.ALL


def _choose(shown: ShownSettings | None) -> None:
    # A control that the browser has not drawn yet may report that nothing is chosen.
    if shown is not None:
        set_preference(_PREFERENCE, shown.value)


def _draw_simple(
    actions: ChatActions, conflicts: Sequence[Conflict], *, busy: bool, draw_notes: Callable[[str], None]
) -> None:
    option_controls.draw_system_prompt(actions)
    option_controls.draw_format(actions, conflicts, busy=busy)
    parameter_controls.draw_parameters(actions, draw_notes, is_simple=True)
    if hidden := list(_hidden_settings(actions)):
        count = len(hidden)
        st.button(
            f"{count} more setting{'s' * (count > 1)} in use",
            key=actions.key("more-settings"),
            type="tertiary",
            icon=":material/tune:",
            help=f"{', '.join(hidden)}. Click to see all settings.",
            on_click=_choose,
            args=(ShownSettings.ALL,),
        )
    # What cannot be sent is said, although its control is hidden.
    for name in (FORM, TOOLS, LORA, STREAM, RAW):
        conflict_fix.draw_conflicts(actions, conflicts, name)
    for parameter in actions.chat.model.parameters:
        if not parameter.simple_label:
            conflict_fix.draw_conflicts(actions, conflicts, parameter.name)


def _hidden_settings(actions: ChatActions) -> Iterator[str]:
    """Yield the labels of the settings that are in use but hidden."""
    model, settings = actions.chat.model, actions.chat.settings
    usual = Settings.defaults(model).features
    for name, label in _HIDDEN_OPTIONS.items():
        if getattr(settings.features, name) != getattr(usual, name):
            yield label
    for parameter in model.parameters:
        if not parameter.simple_label and settings[parameter.name].is_sent:
            yield parameter.label


@contextmanager
def _section(actions: ChatActions, section: SettingsSection) -> Iterator[None]:
    """Draw what is drawn inside in a section, which is folded or not as the user left it."""
    name = f"section-{section.value}"
    key = actions.key(f"fold-{section.value}")

    def remember() -> None:
        set_preference(name, "open" if st.session_state[key] else "folded")

    is_open = get_preference(name, "open") == "open"
    with st.expander(_SECTION_LABELS[section], expanded=is_open, key=key, type="compact", on_change=remember):
        yield
