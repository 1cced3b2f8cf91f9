"""The models of each account, and the lookup of models by their IDs, for the pages."""

from __future__ import annotations

from lib.api.model_catalogue import ModelCatalogue
from lib.model.known_models import known_or_unknown
from lib.model.model_record import Model
from lib.ui.shell.registry import registry


def model_catalogue() -> ModelCatalogue:
    return registry().catalogue


def find_model(id: str) -> Model | None:
    """Return the model of that ID, None if it is not listed here."""
    return registry().catalogue.find_model(id)


def find_or_stand_in(id: str) -> Model:
    """Return the model of that ID, a stand-in if it is not listed here."""
    return known_or_unknown(find_model, id)
