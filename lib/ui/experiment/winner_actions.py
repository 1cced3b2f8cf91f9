"""The buttons that open the winner in the chat or keep it as a preset."""

from __future__ import annotations

from functools import partial

import streamlit as st

from lib.errors import BadInput, PaddockError
from lib.experiment.inputs.prompt_template import template_variables
from lib.experiment.plan import PromptVersion, Variant
from lib.experiment.plan_grid import variants
from lib.experiment.results.winner import GroupedBy
from lib.files import preset_file
from lib.model.settings import Settings, fit_to_model
from lib.ui.chat.chat_tab import MESSAGE_KEY
from lib.ui.experiment.results_view import PREFIX, ResultsView
from lib.ui.shell.account_catalogue import find_or_stand_in
from lib.ui.shell.page_paths import CHAT_PAGE
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.bound import bind, draw_selectbox
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

_SETTING, _PROMPT = f"{PREFIX}keep-setting", f"{PREFIX}keep-prompt"
_NAME, _OUTCOME = f"{PREFIX}keep-name", f"{PREFIX}kept"
_CHAT_TO_OPEN = f"{PREFIX}keep-open"  # in the session's state


def draw_winner_actions(view: ResultsView) -> None:
    """Draw the choice of a setting and a prompt, at first the best ones, and the buttons that use them."""
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{PREFIX}keep"):
        setting = _draw_group_choice(view, GroupedBy.VARIANTS, "Use the setting", _SETTING)
        prompt = _draw_group_choice(view, GroupedBy.PROMPTS, "and the prompt", _PROMPT)
        variant = variants(view.resolved)[setting]
        version = view.plan.prompts[prompt]
        st.button(
            "Open in Chat",
            key=f"{PREFIX}keep-chat",
            icon=":material/forum:",
            help="Opens a new conversation with these settings, this system prompt and this message",
            on_click=_open_in_chat,
            args=(variant, version),
        )
        with st.popover("Save as preset", icon=":material/bookmark_add:", key=f"{PREFIX}keep-preset"):
            name_key = f"{_NAME}-{setting}"
            st.text_input(
                "Name",
                variant.name[: preset_file.MAX_PRESET_NAME_CHARS],
                key=name_key,
                max_chars=preset_file.MAX_PRESET_NAME_CHARS,
                persist_state="session",
                on_change=_remember_choice,
                args=(_SETTING, setting),
            )
            st.button(
                "Save",
                key=f"{PREFIX}keep-now",
                type="primary",
                on_click=_keep_as_preset,
                args=(variant, version, name_key),
            )
    match st.session_state.pop(_OUTCOME, None):
        case PaddockError() as error:
            draw_error(error, "It was not saved")
        case str(name):
            st.success(
                f"Saved as the preset “{escape_markdown(name)}”. You find it under Presets on the Chat page.",
                icon=":material/check:",
            )


def open_requested_chat() -> None:
    """Switch to the Chat page if that was asked for. Called while drawing: a callback cannot switch pages."""
    if (chat := st.session_state.pop(_CHAT_TO_OPEN, None)) is not None:
        st.switch_page(CHAT_PAGE, query_params={"c": chat})


def _draw_group_choice(view: ResultsView, by: GroupedBy, label: str, key: str) -> int:
    """Draw a choice and return its index: the best until the user chooses. A single option is not drawn."""
    names, best = view.names(by), view.best(by)
    if len(names) == 1:
        return 0
    chosen = st.session_state.get(_chosen_key(key))
    index = (best or 0) if chosen is None else chosen
    box = bind(key, index, partial(_remember_choice, key))
    return draw_selectbox(
        label,
        range(len(names)),
        box,
        format_func=names.__getitem__,
        width=260,
        help=None if best is None else f"The best so far: {escape_markdown(names[best])}",
    )


def _chosen_key(key: str) -> str:
    return f"{key}-chosen"


def _remember_choice(key: str, index: int) -> None:
    """Keep the choice of the user, who chose it or gave it a name, even if another becomes the best."""
    st.session_state[_chosen_key(key)] = index


def chat_settings(variant: Variant) -> Settings:
    """Return the variant's settings for the chat: streamed, unlike an experiment's, except in JSON mode."""
    settings, model = variant.settings, find_or_stand_in(variant.settings.model)
    if model.is_known:
        settings = fit_to_model(settings, model)
    return settings if settings.features.response_format is not None else settings.with_features(stream=True)


def _open_in_chat(variant: Variant, prompt: PromptVersion) -> None:
    chat = registry().new_chat(current_owner())
    chat.settings = chat_settings(variant)
    chat.set_system(prompt.system if variant.system is None else variant.system)
    st.session_state[MESSAGE_KEY] = prompt.user
    st.session_state[_CHAT_TO_OPEN] = chat.id


def _keep_as_preset(variant: Variant, prompt: PromptVersion, name_key: str) -> None:
    system = prompt.system if variant.system is None else variant.system
    try:
        name = preset_file.clean_name(st.session_state.get(name_key) or "")
        if names := template_variables(system):
            raise BadInput(
                f"The system prompt has {{{{{names[0]}}}}} in it, and a preset has no table to take it from.",
                advice="Open it in Chat, write the text there, and save it as a preset.",
            )
        settings = chat_settings(variant)
        preset = preset_file.Preset(name, system, settings, features=variant.settings.features)
        registry().store.presets.add(current_owner(), preset)
    except PaddockError as error:
        st.session_state[_OUTCOME] = error
    else:
        st.session_state[_OUTCOME] = name
