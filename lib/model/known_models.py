"""The lookup of models by their IDs. The shipped records are always there; an account's list may add others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lib.model.catalogue_entry import TEXT_GENERATION
from lib.model.model_record import Model, default_model, models

# Returns the model of an ID, None if it is not listed here.
ModelLookup = Callable[[str], Model | None]


def find_record(id: str) -> Model | None:
    """Return the model of that ID if Paddock ships its record."""
    return models().get(id)


def unknown_model(id: str) -> Model:
    """Return a stand-in for a model that is not listed here: it has no settings and cannot be asked."""
    name = id.rsplit("/", 1)[-1] or id
    return replace(
        default_model(),
        id=id,
        name=name,
        maker="",
        task=TEXT_GENERATION,
        description="",
        source="",
        read_on="",
        terms="",
        parameters=(),
        input_schema={},
        output_schema={},
        fields=frozenset(),
        omitted=(),
        is_known=False,
    )


def known_or_unknown(find_model: ModelLookup, id: str) -> Model:
    """Return the model of that ID, a stand-in for it if it is not listed here."""
    return find_model(id) or unknown_model(id)
