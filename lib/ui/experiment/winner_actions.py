"""Keep: what won becomes a preset, or opens in the chat."""

from __future__ import annotations

import uuid
from functools import partial

import streamlit as st

from lib import store
from lib.errors import BadInput, PaddockError
from lib.experiment.inputs.prompt_template import template_variables
from lib.experiment.plan import PromptVersion, Variant
from lib.experiment.plan_grid import variants
from lib.experiment.results.winner import GroupedBy
from lib.files import preset_file
from lib.model.model_record import Model
from lib.model.settings import Settings, fit_to_model
from lib.ui.chat.chat_tab import MESSAGE_KEY
from lib.ui.experiment.results_view import PREFIX, ResultsView
from lib.ui.shell.page_paths import CHAT_PAGE
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

_SETTING, _PROMPT, _NAME, _OUTCOME = (
    f"{PREFIX}keep-setting",
    f"{PREFIX}keep-prompt",
    f"{PREFIX}keep-name",
    f"{PREFIX}kept",
)
_OPEN = f"{PREFIX}keep-open"


def draw_winner_actions(board: ResultsView) -> None:
    """A setting and a prompt to go on with: at first those that did best."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"{PREFIX}keep"):
        setting = _choose("Go on with", board.setting_names, _SETTING, _best(board, GroupedBy.VARIANTS))
        prompt = _choose("and the prompt", board.prompt_names, _PROMPT, _best(board, GroupedBy.PROMPTS))
        variant = variants(board.plan, board.model)[setting]
        version = board.plan.prompts[prompt]
        st.button(
            "Open in the chat",
            key=f"{PREFIX}keep-chat",
            icon=":material/forum:",
            help="A new conversation with these settings and this system prompt; the message is written already",
            on_click=_open,
            args=(board.model, variant, version),
        )
        with st.popover("Keep as a preset", icon=":material/bookmark_add:", key=f"{PREFIX}keep-preset"):
            named = f"{_NAME}-{setting}"
            st.text_input(
                "Name",
                variant.name[: preset_file.MAX_PRESET_NAME_CHARS],
                key=named,
                max_chars=preset_file.MAX_PRESET_NAME_CHARS,
                persist_state="session",
                on_change=_chosen,
                args=(_SETTING, setting),
            )
            st.button(
                "Keep",
                key=f"{PREFIX}keep-now",
                type="primary",
                on_click=_keep,
                args=(board.model, variant, version, named),
            )
    match st.session_state.pop(_OUTCOME, None):
        case PaddockError() as error:
            draw_error(error, "It was not kept")
        case str(name):
            st.success(
                f"Kept as the preset “{escape_markdown(name)}”: it stands among the presets of the chat.",
                icon=":material/check:",
            )


def open_requested_chat() -> None:
    """Go to the chat where that was asked for. For the body of the page: a callback cannot turn to another page."""
    if (chat := st.session_state.pop(_OPEN, None)) is not None:
        st.switch_page(CHAT_PAGE, query_params={"c": chat})


def _best(board: ResultsView, among: GroupedBy) -> int | None:
    found = board.winner(among)
    return None if found is None else found.best


def _choose(name: str, names: tuple[str, ...], key: str, best: int | None) -> int:
    """One of them; nothing to choose where there is one alone. Until somebody chooses, the best of the moment."""
    if len(names) == 1:
        return 0
    chosen = st.session_state.get(_mine(key))
    at = (best or 0) if chosen is None else chosen
    box = bind(key, at, partial(_chosen, key))
    st.selectbox(
        name,
        range(len(names)),
        index=box.value,
        key=box.key,
        format_func=names.__getitem__,
        width=260,
        on_change=box.on_change,
        help=None if best is None else f"The best so far: {escape_markdown(names[best])}",
    )
    return at


def _mine(key: str) -> str:
    return f"{key}-chosen"


def _chosen(key: str, at: int) -> None:
    """Somebody wants that one, or gave it a name: it stays, whatever becomes the best."""
    st.session_state[_mine(key)] = at


def chat_settings(model: Model, variant: Variant) -> Settings:
    """The variant's settings for the chat, which reads along: an experiment's requests are never streamed."""
    found = fit_to_model(variant.settings, model)
    return found if found.features.response_format is not None else found.with_features(stream=True)


def _open(model: Model, variant: Variant, prompt: PromptVersion) -> None:
    chat = registry().new_chat(current_owner())
    chat.settings = chat_settings(model, variant)
    chat.set_system(prompt.system if variant.system is None else variant.system)
    st.session_state[MESSAGE_KEY] = prompt.user
    st.session_state[_OPEN] = chat.id


def _keep(model: Model, variant: Variant, prompt: PromptVersion, named: str) -> None:
    name = " ".join(str(st.session_state.get(named) or "").split())
    system = prompt.system if variant.system is None else variant.system
    try:
        if not name:
            raise BadInput("The preset has no name.", advice="Type one.")
        if names := template_variables(system):
            raise BadInput(
                f"The system prompt has {{{{{names[0]}}}}} in it, and a preset has no table to fill it from.",
                advice="Open it in the chat, write the text there, and keep it from its presets.",
            )
        one = preset_file.Preset(
            name, system, chat_settings(model, variant), features=variant.settings.features
        )
        kept = store.SavedPreset(uuid.uuid4().hex, one.name, preset_file.write_preset(one))
        registry().store.put_preset(current_owner(), kept)
    except PaddockError as error:
        st.session_state[_OUTCOME] = error
    else:
        st.session_state[_OUTCOME] = name
