"""The models of each account, and the lookup of models by their IDs, for the pages."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress

from lib.api.backend import Backend
from lib.api.model_catalogue import Catalogue, ModelCatalogue
from lib.errors import PaddockError
from lib.model.catalogue_entry import CatalogueEntry
from lib.model.catalogue_model import can_be_asked
from lib.model.known_models import known_or_unknown
from lib.model.model_record import Model
from lib.ui.shell.registry import registry

# The models of this computer come and go: the twin's list is fetched again after so many seconds.
_LIST_SECONDS = 5.0
# When each twin was asked last, by its account.
_asked: dict[str, float] = {}


def model_catalogue() -> ModelCatalogue:
    return registry().catalogue


def find_model(id: str) -> Model | None:
    """Return the model of that ID, None if it is not listed here."""
    return registry().catalogue.find_model(id)


def find_or_stand_in(id: str) -> Model:
    """Return the model of that ID, a stand-in if it is not listed here."""
    return known_or_unknown(find_model, id)


def find_list(backend: Backend) -> Catalogue | None:
    """Return the list of models, None if it was not fetched yet. The twin's is fetched here: it answers at once."""
    catalogue = model_catalogue().find(backend)
    if not backend.can_inspect:
        return catalogue
    now = time.monotonic()
    if catalogue is None or now - _asked.get(backend.account_id, 0.0) >= _LIST_SECONDS:
        _asked[backend.account_id] = now
        # A twin that is starting again has its list from before.
        with suppress(PaddockError):
            catalogue = model_catalogue().refresh(backend)
            for entry in catalogue.entries:
                # So that saved chats and experiments find the models that they name.
                model_catalogue().fetch_model(backend, entry.id)
    return catalogue


def listed_entries(backend: Backend | None) -> Mapping[str, CatalogueEntry]:
    """Return the models that can be asked there, by their ids; none without a list, or if there is nothing to choose.

    With one model on this computer there is nothing to choose: it is the default one.
    """
    if backend is None or (catalogue := find_list(backend)) is None:
        return {}
    entries = {entry.id: entry for entry in catalogue.entries if can_be_asked(entry)}
    if backend.can_inspect and sum(entry.is_local for entry in entries.values()) < 2:
        return {}
    return entries
