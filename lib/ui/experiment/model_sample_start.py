"""The button that begins the sample experiment over several models of the backend."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from lib.api.backend import Backend
from lib.errors import BadInput
from lib.experiment.model_sample import choose_sample_models, load_model_sample
from lib.experiment.plan_models import ResolvedPlan
from lib.ui.experiment.experiment_draft import ExperimentDrafts
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.experiment.models_choice import fetch_schema
from lib.ui.shell.account_catalogue import find_model, listed_entries, model_catalogue

KEY = "experiment-sample-models"


def draw_model_sample(tab: ExperimentTab) -> None:
    """Draw the button if the backend has several models, or is an account, whose list may not be known yet."""
    backend = tab.backend
    may_list = backend is not None and backend.billed and backend.allowed_models is None
    if backend is None or not (may_list or len(_listed_models(backend)) > 1):
        return
    st.button(
        "Which model is enough?",
        key=KEY,
        icon=":material/balance:",
        help="Fills in a short task and two or three models, from the default one upwards. The bar below says "
        "what it may cost. Nothing is asked before you start it; only the free list of models is fetched.",
        on_click=_start,
        args=(tab, backend),
    )


def _listed_models(backend: Backend) -> tuple[str, ...]:
    return choose_sample_models(listed_entries(backend).values())


def _start(tab: ExperimentTab, backend: Backend) -> None:
    """Open the sample as a new experiment. Nothing changes if the models cannot be listed."""
    with tab.errors():
        if model_catalogue().find(backend) is None:
            model_catalogue().refresh(backend)
        ids = _listed_models(backend)
        if len(ids) < 2:
            raise BadInput(
                "There are no two models here that suit this sample.",
                advice="Choose models for an experiment of your own, under Settings.",
            )
        for id in ids:
            fetch_schema(tab, id)
        base = find_model(ids[0])
        if base is None:
            raise BadInput(f"The model {ids[0]} is not listed any more.", advice="Try again.")
        sample = load_model_sample(ids, base)
        plan = replace(sample.plan, base=ResolvedPlan(sample.plan, base, find_model).fit_base())
        tab.open_experiment(ExperimentDrafts.shared().new(tab.owner, sample.name, plan))
