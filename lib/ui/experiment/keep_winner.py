"""Keep: what won becomes a preset, or opens in the chat."""

from __future__ import annotations

import uuid
from pathlib import Path

import streamlit as st

from lib import store
from lib.errors import BadInput, PaddockError
from lib.experiment.plan import PromptVersion, Variant
from lib.experiment.plan_grid import variants
from lib.experiment.prompt_template import variables
from lib.experiment.results.winner import Among
from lib.files import preset_file
from lib.model.model_record import Model
from lib.model.settings import Settings, complete
from lib.ui.chat.chat_tab import INPUT
from lib.ui.experiment.held import held
from lib.ui.experiment.results_view import PREFIX, Board
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor import owner
from lib.ui.widgets.error_box import trouble
from lib.ui.widgets.safe_markdown import label

CHAT_PAGE = Path(__file__).resolve().parents[3] / "pages" / "chat.py"
_SETTING, _PROMPT, _NAME, _OUTCOME = (
    f"{PREFIX}keep-setting",
    f"{PREFIX}keep-prompt",
    f"{PREFIX}keep-name",
    f"{PREFIX}kept",
)
_OPEN = f"{PREFIX}keep-open"


def draw(board: Board) -> None:
    """A setting and a prompt to go on with: at first those that did best."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"{PREFIX}keep"):
        setting = _choose("Go on with", board.settings, _SETTING, _best(board, Among.VARIANTS))
        prompt = _choose("and the prompt", board.prompts, _PROMPT, _best(board, Among.PROMPTS))
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
                variant.name[: preset_file.MOST_NAME],
                key=named,
                max_chars=preset_file.MOST_NAME,
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
            trouble(error, "It was not kept")
        case str(name):
            st.success(
                f"Kept as the preset “{label(name)}”: it stands among the presets of the chat.",
                icon=":material/check:",
            )


def follow() -> None:
    """Go to the chat where that was asked for. For the body of the page: a callback cannot turn to another page."""
    if (chat := st.session_state.pop(_OPEN, None)) is not None:
        st.switch_page(CHAT_PAGE, query_params={"c": chat})


def _best(board: Board, among: Among) -> int | None:
    found = board.winner(among)
    return None if found is None else found.best


def _choose(name: str, names: tuple[str, ...], key: str, best: int | None) -> int:
    """One of them; nothing to choose where there is one alone. Until somebody chooses, the best of the moment."""
    if len(names) == 1:
        return 0
    chosen = st.session_state.get(_mine(key))
    at = (best or 0) if chosen is None else chosen
    shown = held(key, at)
    st.selectbox(
        name,
        range(len(names)),
        index=at,
        key=shown,
        format_func=names.__getitem__,
        width=260,
        on_change=lambda: _chosen(key, st.session_state[shown]),
        help=None if best is None else f"The best so far: {label(names[best])}",
    )
    return at


def _mine(key: str) -> str:
    return f"{key}-chosen"


def _chosen(key: str, at: int) -> None:
    """Somebody wants that one, or gave it a name: it stays, whatever becomes the best."""
    st.session_state[_mine(key)] = at


def settings(model: Model, variant: Variant) -> Settings:
    """The variant's settings for the chat, which reads along: an experiment's requests are never streamed."""
    found = complete(variant.settings, model)
    return found if found.features.response_format is not None else found.with_features(stream=True)


def _open(model: Model, variant: Variant, prompt: PromptVersion) -> None:
    chat = registry().new(owner())
    chat.settings = settings(model, variant)
    chat.set_system(prompt.system if variant.system is None else variant.system)
    st.session_state[INPUT] = prompt.user
    st.session_state[_OPEN] = chat.id


def _keep(model: Model, variant: Variant, prompt: PromptVersion, named: str) -> None:
    name = " ".join(str(st.session_state.get(named) or "").split())
    system = prompt.system if variant.system is None else variant.system
    try:
        if not name:
            raise BadInput("The preset has no name.", advice="Type one.")
        if names := variables(system):
            raise BadInput(
                f"The system prompt has {{{{{names[0]}}}}} in it, and a preset has no table to fill it from.",
                advice="Open it in the chat, write the text there, and keep it from its presets.",
            )
        one = preset_file.Preset(name, system, settings(model, variant), features=variant.settings.features)
        kept = store.Preset(uuid.uuid4().hex, one.name, preset_file.record(one))
        registry().store.put_preset(owner(), kept)
    except PaddockError as error:
        st.session_state[_OUTCOME] = error
    else:
        st.session_state[_OUTCOME] = name
