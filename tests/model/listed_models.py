"""The documented models as an account lists them, each of which can be asked."""

from __future__ import annotations

from lib.model.catalogue_entry import parse_entries
from lib.model.catalogue_model import build_model
from lib.model.model_record import DEFAULT_MODEL_ID, Model, models
from tests.model.catalogue_records import LISTED, SCHEMAS

LLAMA_70B = "@cf/meta/llama-3.3-70b-instruct-fp8-fast"
MISTRAL = "@cf/mistralai/mistral-small-3.1-24b-instruct"
QWEN = "@cf/qwen/qwen3.8-27b"
FOUR_MODELS = (DEFAULT_MODEL_ID, MISTRAL, LLAMA_70B, QWEN)

_BUILT = {entry.id: build_model(entry, SCHEMAS[entry.id]) for entry in parse_entries(LISTED)}


def find_listed(id: str) -> Model | None:
    """Return the shipped record of that ID, else the documented model; None without either."""
    return models().get(id) or _BUILT.get(id)


def listed(id: str) -> Model:
    """Return the documented model of that ID. Raises AssertionError."""
    model = find_listed(id)
    assert model is not None, id
    return model
