"""The API's list of models, and their documented schemas."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lib.model.model_record import Model
from lib.twin.responses import success_envelope

# The service's own description of the task.
TASK_DESCRIPTION = (
    "Family of generative text models, such as large language models (LLM), that can be adapted for "
    "a variety of natural language tasks."
)


def _id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def model_item(model: Model) -> dict[str, Any]:
    """Return a model as a search lists it. Values of properties are strings, except for the price."""
    price = [
        {"unit": "per M input tokens", "price": float(model.price.input_per_million), "currency": "USD"},
        {"unit": "per M output tokens", "price": float(model.price.output_per_million), "currency": "USD"},
    ]
    return {
        "id": _id(model.id),
        "source": 1,
        "name": model.id,
        "description": model.description,
        "task": {"id": _id(model.task), "name": model.task, "description": TASK_DESCRIPTION},
        "created_at": f"{model.read_on} 00:00:00.000",
        "tags": [],
        "properties": list(_properties(model, price)),
    }


def _properties(model: Model, price: Any) -> Iterator[dict[str, Any]]:
    yield {"property_id": "context_window", "value": str(model.context_window)}
    yield {"property_id": "price", "value": price}
    if model.terms:
        yield {"property_id": "terms", "value": model.terms}
    if model.capability("tools").listed:
        yield {"property_id": "function_calling", "value": "true"}


def search_models(models: Sequence[Model], query: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of the matching models. SDKs request pages until one is empty."""
    matches = [model for model in models if _matches(model, query)]
    page, per_page = _parse_count(query.get("page"), 1), _parse_count(query.get("per_page"), 20)
    items = [model_item(model) for model in matches[(page - 1) * per_page : page * per_page]]
    info = {"count": len(items), "page": page, "per_page": per_page, "total_count": len(matches)}
    return success_envelope(items, result_info=info)


def _matches(model: Model, query: Mapping[str, str]) -> bool:
    text = query.get("search", "").lower()
    return (
        (text in model.id.lower() or text in model.description.lower())
        and query.get("task", model.task).lower() == model.task.lower()
        and query.get("author", model.maker).lower() == model.maker.lower()
    )


def model_schemas(model: Model) -> dict[str, Any]:
    """Return the model's documented schemas."""
    return success_envelope({"input": model.input_schema, "output": model.output_schema})


def _parse_count(text: str | None, usual: int) -> int:
    is_number = text and text.isascii() and text.isdigit() and len(text) < 10
    return max(1, int(text)) if text and is_number else usual
