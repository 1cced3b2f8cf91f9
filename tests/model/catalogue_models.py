"""The documented models of the records as models that can be asked, by their ids."""

from __future__ import annotations

from lib.model.catalogue_entry import parse_entries
from lib.model.catalogue_model import build_model
from lib.model.model_record import Model
from tests.model.catalogue_records import LISTED, SCHEMAS

_BUILT = [build_model(entry, SCHEMAS[entry.id]) for entry in parse_entries(LISTED)]
LISTED_MODELS: dict[str, Model] = {model.id: model for model in _BUILT if model is not None}
LARGE = LISTED_MODELS["@cf/meta/llama-3.3-70b-instruct-fp8-fast"]
THINKING = LISTED_MODELS["@cf/openai/gpt-oss-20b"]
EFFORT = LISTED_MODELS["@cf/qwen/qwen3.8-27b"]
