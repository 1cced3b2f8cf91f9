"""The models that this computer has, and those that it could have: of the catalogue, and begun downloads."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lib.errors import BadInput
from lib.local_models.model_folder import (
    InstalledModel,
    downloaded_bytes,
    find_record,
    list_installed,
    list_unfinished,
)
from lib.local_models.model_sizes import find_source, saved_sizes
from lib.local_models.model_source import (
    CATALOGUE,
    SHIPPED_ID,
    SHIPPED_NAME,
    ModelFile,
    RemoteModel,
)


@dataclass(frozen=True)
class ListedModel:
    """A model of the list. ``key`` is what ``parse_source`` takes: an id, a path or an address.

    ``id`` is the folder of what was downloaded, "" without one. ``size`` is that of the file in bytes, 0 if unknown.
    ``source`` is what can be downloaded, ``downloaded`` the bytes that an unfinished download has brought.
    """

    key: str
    name: str
    is_here: bool
    id: str = ""
    size: int = 0
    source: RemoteModel | None = None
    downloaded: int = 0


def list_models() -> list[ListedModel]:
    """Return the shipped model, those of the catalogue, and what else was downloaded. Raises BadInput."""
    installed = {model.id: model for model in list_installed()}
    listed = [ListedModel(SHIPPED_ID, SHIPPED_NAME, is_here=True)]
    for model in CATALOGUE:
        is_here, downloaded = installed.pop(model.id, None) is not None, downloaded_bytes(model)
        id = model.id if is_here or downloaded else ""
        listed.append(ListedModel(model.id, model.name, is_here, id, model.size, model, downloaded))
    for model in saved_sizes():
        is_here, downloaded = installed.pop(model.id, None) is not None, downloaded_bytes(model)
        if is_here or downloaded:
            listed.append(ListedModel(model.id, model.name, is_here, model.id, model.size, model, downloaded))
    listed += [_describe_installed(model) for model in installed.values()]
    # Those of the catalogue are above, under their own ids.
    above = {model.id for model in CATALOGUE} | {model.id for model in listed}
    for id, address, size in list_unfinished():
        if id not in above:
            with suppress(BadInput):
                listed.append(describe_model(address, size))
    return listed


def describe_model(model: str, size: int = 0) -> ListedModel:
    """Return the entry of a model that need not be in the list. Raises BadInput."""
    source = find_source(model)
    match source:
        case RemoteModel():
            if (record := find_record(source.id)) is not None:
                entry = _describe_installed(record)
                return entry if source.address else replace(entry, key=source.id)
            downloaded = downloaded_bytes(source)
            id = source.id if downloaded else ""
            return ListedModel(
                model, source.name, is_here=False, id=id, size=size, source=source, downloaded=downloaded
            )
        case ModelFile(path):
            path = Path(path.absolute())
            downloaded_model = next((model for model in list_installed() if model.path == path), None)
            if downloaded_model is not None:
                return _describe_installed(downloaded_model)
            return ListedModel(str(path), path.name, is_here=path.is_file())
        case _:
            return ListedModel(SHIPPED_ID, SHIPPED_NAME, is_here=True)


def _describe_installed(model: InstalledModel) -> ListedModel:
    return ListedModel(str(model.path), model.name, is_here=True, id=model.id, size=model.size)
