"""The choice of the models that an experiment asks: those of the account, each with its price."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from lib.api.backend import Backend
from lib.errors import BadInput
from lib.experiment.plan_models import model_names
from lib.model.catalogue_entry import CatalogueEntry
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.model.pricing import format_exact
from lib.model.settings import Settings
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.shell.account_catalogue import find_model, listed_entries, model_catalogue
from lib.ui.widgets.bound import bind

_MODELS = "ways-models"


def draw_models_choice(tab: ExperimentTab) -> None:
    """Draw the choice of models if an account is connected, or if the plan names models."""
    backend, chosen = tab.backend, tab.plan.models
    entries = listed_entries(backend)
    if entries or chosen:
        ids = list(dict.fromkeys([*sorted(entries), *chosen]))
        names = dict(zip(ids, model_names(ids), strict=True))
        models = bind(_MODELS, list(chosen), partial(_set_models, tab))
        st.multiselect(
            "Models",
            ids,
            **models.arguments("default"),
            format_func=lambda id: _option(backend, names[id], id, entries.get(id)),
            placeholder=f"{tab.model.name} alone",
            help="Each model is asked everything, with the settings that it has. Prices are US dollars per million "
            "tokens, read and written. The results say which model is enough.",
        )
        here = {DEFAULT_MODEL_ID, *entries}
        if backend is None or not (backend.billed or here.issuperset(chosen)):
            st.caption("These models are those of a Cloudflare account. Connect it to ask them.")
    elif backend is not None and backend.billed:
        st.button(
            "Compare models",
            key="ways-list-models",
            icon=":material/list:",
            type="tertiary",
            help="Asks the account for its list of models. Free of charge.",
            on_click=_fetch_list,
            args=(tab, backend),
        )


def _option(backend: Backend | None, name: str, id: str, entry: CatalogueEntry | None) -> str:
    if backend is not None and backend.can_inspect and id == DEFAULT_MODEL_ID:
        return backend.label
    if entry is not None and entry.is_local:
        return f"{name} · free"
    if entry is None or entry.input_price is None or entry.output_price is None:
        return name
    return f"{name} · ${format_exact(entry.input_price)} / ${format_exact(entry.output_price)}"


def _fetch_list(tab: ExperimentTab, backend: Backend) -> None:
    with tab.errors():
        model_catalogue().refresh(backend)


def _set_models(tab: ExperimentTab, ids: Sequence[str]) -> None:
    """Take over the choice. The schema of a new model is fetched; a model whose schema does not come is left out."""
    with tab.errors():
        for id in ids:
            fetch_schema(tab, id)
    chosen = tuple(id for id in ids if id in tab.plan.models or find_model(id) is not None)
    before = tab.plan.base
    _change_base(tab, chosen)
    tab.change_plan(models=chosen)
    _add_other_settings(tab, before)


def fetch_schema(tab: ExperimentTab, id: str) -> None:
    """Fetch the schema of a model that is not known yet. Raises a PaddockError."""
    is_new = find_model(id) is None and tab.backend is not None
    if is_new and model_catalogue().fetch_model(tab.require_backend(), id) is None:
        raise BadInput(f"The account does not list what {id} costs.", advice="Choose another model.")


def _add_other_settings(tab: ExperimentTab, before: Settings) -> None:
    """Let the common settings have those that only other models have, and no others."""
    plan, resolved = tab.plan, tab.resolved
    if not resolved.model.is_known:
        return
    axes = tuple(axis for axis in plan.axes if resolved.find_parameter(axis.name) is not None)
    base = resolved.fit_base(before)
    if base != plan.base or axes != plan.axes:
        tab.change_plan(base=base, axes=axes)


def _change_base(tab: ExperimentTab, chosen: Sequence[str]) -> None:
    """Let the common settings be those of a model that is asked: the default model if it is among them."""
    base = DEFAULT_MODEL_ID if not chosen or DEFAULT_MODEL_ID in chosen else chosen[0]
    model, chat = find_model(base), tab.draft.chat
    if model is None or chat.model.id == base:
        return
    chat.use_model(model)
    tab.change_plan(base=chat.settings)
