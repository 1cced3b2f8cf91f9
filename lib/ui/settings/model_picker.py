"""The choice of the model that a chat asks: the text models of the connected account, with price and abilities."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import streamlit as st

from lib.api.backend import Backend
from lib.errors import BadInput, PaddockError
from lib.model.catalogue_entry import LOCAL_PREFIX, CatalogueEntry
from lib.model.catalogue_model import listed_price
from lib.model.model_change import SettingChange
from lib.model.model_record import DEFAULT_MODEL_ID, Model, default_model, format_value
from lib.model.pricing import format_exact
from lib.model.schema_reader import MESSAGES
from lib.model.settings import Settings
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.shell.account_catalogue import entries_to_choose, find_list, model_catalogue
from lib.ui.shell.registry import registry
from lib.ui.widgets.bound import bind, draw_selectbox
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import count_of, shorten

ABILITY_LABELS = {
    "function_calling": "functions",
    "reasoning": "reasoning",
    "vision": "pictures",
    "lora": "adapters",
}
_HELP = (
    "The model that your next message goes to. Type to search: a name, a maker, “functions”. "
    "Dollars per million tokens to read and to write, then the tokens of context. ★: often used."
)
_LOCAL_HELP = (
    "The model of this computer that your next message goes to, with its tokens of context. The first one is the "
    "model that is chosen under “Where answers come from”. ★: often used."
)
_MAX_LABEL_CHARS = 14
MAX_STARS = 3  # models at the head of the list
_USE_SECONDS = 120.0  # for which the counts of uses are kept
# In the session's state: the counts of uses, the last change of a chat's model, and models that could not be loaded.
_USES, _SWITCH, _MISSED = "model-uses", "model-switch", "models-missed"


@dataclass(frozen=True)
class ModelSwitch:
    """A change of the model: the settings before it, and what the new model does not take as it was."""

    before: Settings
    model: str
    head: str | None
    changes: tuple[SettingChange, ...]


def draw_model_menu(actions: ChatActions) -> None:
    """Draw the menu with the models of the account or of this computer; nothing if there is none to choose."""
    backend, model = actions.backend, actions.chat.model
    if backend is None:
        return
    catalogue = find_list(backend)
    entries = entries_to_choose(backend, catalogue)
    if backend.can_inspect and not entries:
        return
    _complete(actions, backend, entries)
    label = (
        "Model" if model.id == DEFAULT_MODEL_ID else escape_markdown(shorten(model.name, _MAX_LABEL_CHARS))
    )
    with st.popover(
        label,
        icon=":material/model_training:",
        width="stretch",
        key=actions.key("models"),
        help=f"Your next message goes to {model.id}",
    ):
        if catalogue is None:
            st.caption("Any text model of your account can answer.")
            st.button(
                "List the models of the account",
                key=actions.key("load-models"),
                icon=":material/list:",
                on_click=_load_list,
                args=(actions, backend),
                help="Asks the service for its list. Free of charge.",
            )
            return
        _draw_choice(actions, backend, entries)
        if (entry := entries.get(model.id)) is not None:
            _draw_facts(entry)
        if entry is not None and backend.can_inspect:
            st.caption("A model is loaded when you first ask it, if there is memory for it.")
        if left_out := len(catalogue.entries) - len(entries):
            st.caption(f"{left_out} more without a listed price: Paddock cannot say what they cost.")


def draw_model_notes(actions: ChatActions) -> None:
    """Draw what the last change of the model left out, and why the chat's model cannot be asked now, if it cannot."""
    backend, model = actions.backend, actions.chat.model
    if not model.is_known:
        _draw_way_back(actions, f"This chat asks `{model.id}`, which is not listed here.")
    elif backend is not None and (reason := _foreign_model(backend, model.id)):
        _draw_way_back(actions, f"This chat asks `{model.id}`, {reason}.")
    _draw_switch(actions)


def _foreign_model(backend: Backend, id: str) -> str:
    """Return why that backend has no such model, "" if it may have it."""
    is_local = id.startswith(LOCAL_PREFIX)
    if not backend.can_inspect:
        return "a model of this computer" if is_local else ""
    catalogue = find_list(backend)
    if id == DEFAULT_MODEL_ID or (catalogue is not None and id in catalogue.by_id):
        return ""
    if is_local:
        # Without its list, the twin may have it.
        return "" if catalogue is None else "which is not on this computer"
    return "a model of a Cloudflare account"


def _load_list(actions: ChatActions, backend: Backend) -> None:
    actions.attempt(model_catalogue().refresh, backend)


def _complete(actions: ChatActions, backend: Backend, entries: Mapping[str, CatalogueEntry]) -> None:
    """Fetch the settings of a model that a saved chat names, once, if the account lists it."""
    id, missed = actions.chat.model.id, st.session_state.setdefault(_MISSED, set())
    if actions.chat.model.is_known or id not in entries or id in missed:
        return
    missed.add(id)
    try:
        with st.spinner("Loading the settings of this model…"):
            model = model_catalogue().fetch_model(backend, id)
    except PaddockError:
        return  # the choice below shows that it is not known
    if model is not None:
        actions.chat.use_model(model)
        st.rerun()


def _draw_choice(actions: ChatActions, backend: Backend, entries: Mapping[str, CatalogueEntry]) -> None:
    current, uses = actions.chat.model.id, _count_uses(actions.owner)
    by_use = [id for id, _ in uses.most_common() if id in entries and id != DEFAULT_MODEL_ID]
    starred = set(by_use[:MAX_STARS])
    ids = sorted(
        {*entries, DEFAULT_MODEL_ID, current},
        key=lambda id: (id != DEFAULT_MODEL_ID, id not in starred, -uses[id] if id in starred else 0, id),
    )
    labels = {id: option_label(backend, id, entries.get(id), is_starred=id in starred) for id in ids}
    bound = bind(actions.key("choose-model"), current, lambda id: _choose(actions, id))
    draw_selectbox(
        "Model",
        ids,
        bound,
        format_func=lambda id: labels.get(id, id),
        help=_LOCAL_HELP if backend.can_inspect else _HELP,
    )


def option_label(
    backend: Backend | None, id: str, entry: CatalogueEntry | None, *, is_starred: bool = False
) -> str:
    """Return the text of a model in a choice; the default one of this computer is what was chosen to answer there."""
    if backend is not None and backend.can_inspect and id == DEFAULT_MODEL_ID:
        return backend.label
    return model_label(id, entry, is_starred=is_starred)


def model_label(id: str, entry: CatalogueEntry | None, *, is_starred: bool = False) -> str:
    """Return the text that is shown and searched; what matters most comes first, because a long text is cut."""
    maker, _, name = id.removeprefix("@cf/").rpartition("/")
    parts = ["★ " * is_starred + name]
    if entry is not None:
        price = listed_price(entry)
        if entry.is_local:
            parts.append("free")
        elif price is not None:
            parts.append(f"${price.input_per_million}/${price.output_per_million}")
        parts += [] if entry.context_window is None else [_short_count(entry.context_window)]
        parts += [f"ends {entry.retires_on}"] if entry.retires_on is not None else []
        parts += _abilities(entry)
    return " · ".join([*parts, *([] if maker == "@local" else [maker])])


def _short_count(tokens: int) -> str:
    """Return a number of tokens in thousands or millions."""
    return f"{tokens / 1e6:.1f}M" if tokens >= 1_000_000 else f"{tokens / 1000:.0f}k"


def _abilities(entry: CatalogueEntry) -> list[str]:
    return [label for ability, label in ABILITY_LABELS.items() if ability in entry.abilities]


def _draw_facts(entry: CatalogueEntry) -> None:
    facts = list(_facts(entry))
    if entry.id != DEFAULT_MODEL_ID and facts:
        st.caption(" · ".join(facts))
    if entry.retires_on is not None:
        st.caption(f":orange[:material/event_busy: Cloudflare will end this model on {entry.retires_on}.]")


def _facts(entry: CatalogueEntry) -> Iterator[str]:
    if entry.is_local:
        yield escape_markdown(entry.description.removesuffix("."))
    elif entry.input_price is not None and entry.output_price is not None:
        cached = entry.cached_input_price
        again = "" if cached is None else f", \\${format_exact(cached)} to read again"
        yield (
            f"\\${format_exact(entry.input_price)} to read{again}, \\${format_exact(entry.output_price)} to write "
            "per million tokens"
        )
    if entry.context_window is not None:
        yield f"{entry.context_window:,} tokens of context"
    yield from _abilities(entry)
    if entry.is_beta:
        yield "beta"
    if entry.needs_paid_plan:
        yield "Workers Paid only"
    if entry.terms:
        yield f"[Terms]({entry.terms.replace(')', '%29')})"


def _choose(actions: ChatActions, id: str | None) -> None:
    # A control that the browser has not drawn yet may report that nothing is chosen.
    if id is None or id == actions.chat.model.id:
        return
    with actions.errors():
        change_model(actions, fetch_model(actions.require_backend(), id))


def fetch_model(backend: Backend, id: str) -> Model:
    """Return the model. Raise a PaddockError if its schema cannot be loaded or Paddock cannot ask it."""
    model = model_catalogue().fetch_model(backend, id)
    if model is None:
        raise BadInput(f"{id} is not listed with a price.", advice="Choose another model.")
    if not model.takes(MESSAGES):
        raise BadInput(f"{model.name} does not take messages.", advice="Choose another model.")
    return model


def change_model(actions: ChatActions, model: Model) -> None:
    """Ask that model from the next send on. What it does not take is said once, with a button that undoes it."""
    chat, before = actions.chat, actions.chat.settings
    changes = chat.use_model(model)
    switch = ModelSwitch(before, model.id, chat.conversation.head, changes)
    st.session_state[actions.key(_SWITCH)] = switch


def _draw_switch(actions: ChatActions) -> None:
    """Draw what the last change of the model left out, until the next message or another change."""
    switch: ModelSwitch | None = st.session_state.get(actions.key(_SWITCH))
    chat = actions.chat
    if switch is None or not switch.changes:
        return
    if switch.model != chat.model.id or switch.head != chat.conversation.head:
        del st.session_state[actions.key(_SWITCH)]
        return
    with st.container(key=actions.key("model-changes"), gap="xxsmall"):
        texts = " · ".join(map(_change_text, switch.changes))
        st.caption(
            f":material/info: {count_of(len(switch.changes), 'setting')} changed with the model: {texts}"
        )
        st.button(
            "Undo",
            key=actions.key("undo-model"),
            type="tertiary",
            icon=":material/undo:",
            on_click=_undo,
            args=(actions, switch),
            help="Back to the model and the settings that you had",
        )


def _change_text(change: SettingChange) -> str:
    label = escape_markdown(change.label)
    if change.before is True and change.after is None:
        return f"{label} off"
    before = escape_markdown(format_value(change.before))
    after = "not sent" if change.after is None else escape_markdown(format_value(change.after))
    return f"{label} {before} → {after}"


def _undo(actions: ChatActions, switch: ModelSwitch) -> None:
    st.session_state.pop(actions.key(_SWITCH), None)
    actions.chat.settings = switch.before


def _draw_way_back(actions: ChatActions, text: str) -> None:
    st.caption(f":material/info: {text}")
    name = default_model().name
    st.button(
        f"Use {name}",
        key=actions.key("use-default-model"),
        icon=":material/undo:",
        width="stretch",
        on_click=change_model,
        args=(actions, default_model()),
        help="Your next message goes to it. The settings follow, as far as it has them.",
    )


def _count_uses(owner: str) -> Counter[str]:
    """Return how many answers of each model the owner has."""
    cached = st.session_state.get(_USES)
    if cached is None or cached[0] != owner or time.monotonic() >= cached[1]:
        uses: Counter[str] = Counter()
        try:
            for usage in registry().store.conversations.daily_usage(owner):
                uses[usage.model] += usage.request_count
        except PaddockError:
            pass  # the save warning says what is wrong with the database
        cached = (owner, time.monotonic() + _USE_SECONDS, uses)
        st.session_state[_USES] = cached
    counted: Counter[str] = cached[2]
    return counted
