"""A model of the account's list, with what its schema documents, as a model that can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lib.model.catalogue_entry import TEXT_GENERATION, Ability, CatalogueEntry
from lib.model.model_record import Capability, Model, Price, default_model, models, offered_parameters
from lib.model.schema_reader import InputSchema, read_input_schema


def build_model(entry: CatalogueEntry, schema: Any) -> Model | None:
    """Return the model, None if its prices or its context window are not listed: its cost would not be known."""
    price = listed_price(entry)
    if price is None or entry.context_window is None:
        return None
    read = read_input_schema(schema)
    maker, name = entry.id.removeprefix("@").split("/")[-2:]
    return Model(
        id=entry.id,
        name=name,
        maker=maker,
        task=TEXT_GENERATION,
        description=entry.description,
        source="",
        read_on="",
        terms=entry.terms,
        context_window=entry.context_window,
        price=price,
        parameters=tuple(offered_parameters(read)),
        capabilities=tuple(_capabilities(entry, read)),
        input_schema=schema if isinstance(schema, dict) else {},
        output_schema={},
        fields=read.fields,
        omitted=read.omitted,
    )


def _capabilities(entry: CatalogueEntry, read: InputSchema) -> Iterator[Capability]:
    """Yield the features of the API, each with what the list, or else the schema, says of this model."""
    listed = {"tools": Ability.FUNCTIONS, "lora": Ability.LORA}
    for capability in default_model().capabilities:
        if capability.name in listed:
            is_listed = listed[capability.name] in entry.abilities
        else:
            is_listed = capability.field in read.fields
        yield replace(capability, listed=is_listed, documented="", source="")


def can_be_asked(entry: CatalogueEntry) -> bool:
    """Return True if the model's cost can be known."""
    return entry.id in models() or (listed_price(entry) is not None and entry.context_window is not None)


def listed_price(entry: CatalogueEntry) -> Price | None:
    """Return the listed prices, None without them; the list has no neurons, so they are those of the same dollars."""
    if entry.input_price is None or entry.output_price is None:
        return None
    account = default_model().price
    neurons_per_dollar = 1000 / account.per_thousand_neurons
    return Price(
        input_per_million=entry.input_price,
        output_per_million=entry.output_price,
        neurons_per_million_input=entry.input_price * neurons_per_dollar,
        neurons_per_million_output=entry.output_price * neurons_per_dollar,
        per_thousand_neurons=account.per_thousand_neurons,
        free_neurons_a_day=account.free_neurons_a_day,
        cached_input_per_million=entry.cached_input_price,
    )
