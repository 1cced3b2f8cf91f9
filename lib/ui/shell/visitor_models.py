"""The models that visitors may ask with the owner's account: the default one, and those that the owner names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from lib.api.backend import Backend
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.ui.shell.visitor_cookie import LOCAL_OWNER

VISITOR_MODELS_VARIABLE = "PADDOCK_VISITOR_MODELS"
ALL_MODELS = "*"


def parse_visitor_models(text: str) -> frozenset[str] | None:
    """Return the IDs in a text, with commas between them, and the default model; None for all models.

    Without a text it is the default model alone: a visitor could spend a hundred times as much with another one.
    """
    ids = frozenset(id for part in text.split(",") if (id := part.strip()))
    return None if ALL_MODELS in ids else ids | {DEFAULT_MODEL_ID}


def restrict_for_visitor(
    backend: Backend, owner: str, environment: Mapping[str, str] = os.environ
) -> Backend:
    """Return the owner's backend as this owner of conversations may use it: the local owner without restriction."""
    if owner == LOCAL_OWNER or not backend.billed:
        return backend
    text = environment.get(VISITOR_MODELS_VARIABLE, "")
    # Without the file, asking for a name would show an error.
    if not text and st.secrets.load_if_toml_exists() and VISITOR_MODELS_VARIABLE in st.secrets:
        text = str(st.secrets[VISITOR_MODELS_VARIABLE])
    return replace(backend, allowed_models=parse_visitor_models(text))
