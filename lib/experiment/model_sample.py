"""A sample experiment that asks several models, and the choice of these from what a backend lists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from lib.experiment.sample_experiments import SampleExperiment, read_sample
from lib.jsonkit.json_reader import Node
from lib.model.catalogue_entry import Ability, CatalogueEntry
from lib.model.catalogue_model import can_be_asked
from lib.model.model_record import DEFAULT_MODEL_ID, Model, default_model, models
from lib.model.settings import fit_to_model

SAMPLE_FILE = Path(__file__).parent / "model_sample.json"
MAX_SAMPLE_MODELS = 3


def choose_sample_models(entries: Iterable[CatalogueEntry]) -> tuple[str, ...]:
    """Return the IDs of up to three models: the default one and the next dearer ones, of its family if it has some.

    Without the default model it is the cheapest. Models that think are left out, because they need longer answers;
    so are those that end soon, and those that a free account cannot ask.
    """
    suitable = [
        entry
        for entry in entries
        if can_be_asked(entry)
        and Ability.REASONING not in entry.abilities
        and entry.retires_on is None
        and not entry.needs_paid_plan
    ]
    prices = {entry.id: _price(entry) for entry in suitable}
    ids = sorted(prices, key=lambda id: (prices[id], id))
    if not ids:
        return ()
    base = DEFAULT_MODEL_ID if DEFAULT_MODEL_ID in prices else ids[0]
    others = [id for id in ids if id != base]
    # Sorting keeps the order by price.
    others.sort(key=lambda id: (_family(id) != _family(base), prices[id] <= prices[base]))
    return (base, *others[: MAX_SAMPLE_MODELS - 1])


def _price(entry: CatalogueEntry) -> Decimal:
    """Return the listed price of a million tokens that are read, or the shipped record's."""
    if entry.input_price is not None:
        return entry.input_price
    record = models().get(entry.id)
    return Decimal(0) if record is None else record.price.input_per_million


def _family(id: str) -> str:
    """Return the letters that a model's name begins with, such as “llama”."""
    match = re.match(r"[a-z]*", id.rpartition("/")[2].lower())
    return match[0] if match else ""


def load_model_sample(asked: Iterable[str], base: Model) -> SampleExperiment:
    """Return the sample for these models; ``base`` is the one that the common settings are for."""
    sample = read_sample(Node(json.loads(SAMPLE_FILE.read_text(encoding="utf-8")), "sample"), default_model())
    plan = replace(sample.plan, base=fit_to_model(sample.plan.base, base), models=tuple(asked))
    return replace(sample, plan=plan)
