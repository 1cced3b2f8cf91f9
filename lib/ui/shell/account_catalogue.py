"""The models of each account, and the lookup of models by their IDs, for the pages."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from lib.api.backend import Backend
from lib.api.model_catalogue import Catalogue, ModelCatalogue
from lib.errors import PaddockError
from lib.local_models.model_folder import installed_stamps
from lib.local_models.supervised_twin import Ready
from lib.model.catalogue_entry import CatalogueEntry
from lib.model.catalogue_model import can_be_asked
from lib.model.known_models import known_or_unknown
from lib.model.model_record import Model
from lib.ui.shell.registry import registry

# Seconds before the list of a twin that did not send it is asked for again.
_RETRY_SECONDS = 5.0


@dataclass(frozen=True)
class _TwinModels:
    """The facts that a twin's list depends on: the twin, its process, and the models that are on this computer."""

    account: str
    process: int
    files: tuple[tuple[str, int], ...]


# The facts of the last list of a twin that was asked for, and when it did not come: None if it did.
_asked: tuple[_TwinModels, float | None] | None = None


def model_catalogue() -> ModelCatalogue:
    return registry().catalogue


def find_model(id: str) -> Model | None:
    """Return the model of that ID, None if it is not listed here."""
    return registry().catalogue.find_model(id)


def find_or_stand_in(id: str) -> Model:
    """Return the model of that ID, a stand-in if it is not listed here."""
    return known_or_unknown(find_model, id)


def find_list(backend: Backend) -> Catalogue | None:
    """Return the list of models, None if it was not fetched yet.

    The twin's is fetched here: it answers at once. It is fetched again when the models of this computer have changed.
    """
    catalogue = model_catalogue().find(backend)
    return _refresh_twin(backend, catalogue) if backend.can_inspect else catalogue


def _refresh_twin(backend: Backend, catalogue: Catalogue | None) -> Catalogue | None:
    global _asked
    models, now = _twin_models(backend), time.monotonic()
    if _asked is not None and _asked[0] == models:
        failed_at = _asked[1]
        is_current = catalogue is not None if failed_at is None else now - failed_at < _RETRY_SECONDS
        if is_current:
            return catalogue
    try:
        catalogue = model_catalogue().refresh(backend)
        for entry in catalogue.entries:
            # So that saved chats and experiments find the models that they name.
            model_catalogue().fetch_model(backend, entry.id)
    except PaddockError:
        # A twin that is starting again has its list from before.
        _asked = (models, now)
    else:
        _asked = (models, None)
    return catalogue


def _twin_models(backend: Backend) -> _TwinModels:
    state = registry().supervisor.state
    files: tuple[tuple[str, int], ...] = ()
    with suppress(PaddockError):  # without a folder for data there is the default model alone
        files = installed_stamps()
    return _TwinModels(backend.account_id, state.pid if isinstance(state, Ready) else 0, files)


def listed_entries(backend: Backend | None) -> Mapping[str, CatalogueEntry]:
    """Return the models that can be asked there, by their ids; none without a list or with nothing to choose."""
    return {} if backend is None else entries_to_choose(backend, find_list(backend))


def entries_to_choose(backend: Backend, catalogue: Catalogue | None) -> Mapping[str, CatalogueEntry]:
    """Return the models of a list that can be asked, by their ids; none if there is nothing to choose.

    With one model on this computer there is nothing to choose: it is the default one.
    """
    if catalogue is None:
        return {}
    entries = {entry.id: entry for entry in catalogue.entries if can_be_asked(entry)}
    if backend.can_inspect and sum(entry.is_local for entry in entries.values()) < 2:
        return {}
    return entries
