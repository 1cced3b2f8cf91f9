"""The models that this computer has, and those of the catalogue that it could have."""

from __future__ import annotations

from dataclasses import dataclass

from lib.local_models.model_folder import downloaded_bytes, list_installed
from lib.local_models.model_source import CATALOGUE, SHIPPED_ID, SHIPPED_NAME, RemoteModel


@dataclass(frozen=True)
class ListedModel:
    """A model of the list. ``key`` is what ``parse_source`` takes: an id or a path.

    ``size`` is that of its file in bytes, 0 for the shipped one. ``source`` is the model of the catalogue, if it is
    one; ``downloaded`` the bytes of an unfinished download.
    """

    key: str
    name: str
    is_here: bool
    size: int = 0
    source: RemoteModel | None = None
    downloaded: int = 0


def list_models() -> list[ListedModel]:
    """Return the shipped model, those of the catalogue and the other downloaded ones. Raises BadInput."""
    installed = {model.id: model for model in list_installed()}
    listed = [ListedModel(SHIPPED_ID, SHIPPED_NAME, is_here=True)]
    for model in CATALOGUE:
        is_here = installed.pop(model.id, None) is not None
        listed.append(ListedModel(model.id, model.name, is_here, model.size, model, downloaded_bytes(model)))
    listed += [
        ListedModel(str(model.path), model.name, is_here=True, size=model.size)
        for model in installed.values()
    ]
    return listed
