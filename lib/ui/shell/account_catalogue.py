"""The catalogue of the models of each account, one for the whole process."""

from __future__ import annotations

import streamlit as st

from lib.api.model_catalogue import ModelCatalogue
from lib.system.paths import data_folder
from lib.ui.shell.registry import registry


@st.cache_resource(show_spinner=False)
def model_catalogue() -> ModelCatalogue:
    return ModelCatalogue(registry().client, data_folder() / "catalogue")
