"""A model as the account's list of models describes it: price, context window, abilities, retirement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

TEXT_GENERATION = "Text Generation"  # the task of text models
# The beginning of the ids of a local server's own models: Cloudflare's begin with @cf or @hf.
LOCAL_PREFIX = "@local/"
MAX_DESCRIPTION_CHARS = 2_000
_MAX_PROPERTIES = 100
_MAX_CONTEXT_WINDOW = 10**9
# A model's ID becomes a part of an address.
_ID = re.compile(r"@?[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*){1,4}", re.ASCII)
_MAX_ID_CHARS = 200


class Ability(StrEnum):
    """The abilities that the list names, by their property."""

    FUNCTIONS = "function_calling"
    REASONING = "reasoning"
    VISION = "vision"
    LORA = "lora"


@dataclass(frozen=True)
class CatalogueEntry:
    """A text model of the account. Prices are US dollars per million tokens; None is not documented."""

    id: str
    description: str = ""
    context_window: int | None = None
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    cached_input_price: Decimal | None = None
    abilities: frozenset[Ability] = frozenset()
    retires_on: date | None = None
    is_beta: bool = False
    needs_paid_plan: bool = False
    terms: str = ""

    @property
    def is_local(self) -> bool:
        """True for a model of this computer."""
        return self.id.startswith(LOCAL_PREFIX)


def parse_entries(items: list[Any]) -> Iterator[CatalogueEntry]:
    """Yield the text models among the items of a list; items of another shape are skipped."""
    for item in items:
        match item:
            case {"name": str(id)} if is_model_id(id) and _is_text_model(item):
                yield _parse_entry(id, item)


def is_model_id(text: str) -> bool:
    """Return True if a text has the form of a model's ID."""
    return len(text) <= _MAX_ID_CHARS and _ID.fullmatch(text) is not None


def _is_text_model(item: Mapping[str, Any]) -> bool:
    match item.get("task"):
        case {"name": str(task)}:
            return task.lower() == TEXT_GENERATION.lower()
    return True  # the list was asked for this task alone


def _parse_entry(id: str, item: Mapping[str, Any]) -> CatalogueEntry:
    properties: dict[str, Any] = {}
    if isinstance(listed := item.get("properties"), list):
        for property in listed[:_MAX_PROPERTIES]:
            match property:
                case {"property_id": str(name), "value": value}:
                    properties[name] = value
    prices = dict(_parse_prices(properties.get("price")))
    description, terms = item.get("description"), properties.get("terms")
    return CatalogueEntry(
        id=id,
        description=description[:MAX_DESCRIPTION_CHARS].strip() if isinstance(description, str) else "",
        context_window=_parse_count(properties.get("context_window")),
        input_price=prices.get("per m input tokens"),
        output_price=prices.get("per m output tokens"),
        cached_input_price=prices.get("per m cached input tokens"),
        abilities=frozenset(ability for ability in Ability if _is_true(properties.get(ability.value))),
        retires_on=_parse_date(properties.get("planned_deprecation_date")),
        is_beta=_is_true(properties.get("beta")),
        needs_paid_plan=_is_true(properties.get("require_workers_paid")),
        terms=terms if isinstance(terms, str) and terms.startswith("https://") and len(terms) < 500 else "",
    )


def _parse_prices(value: Any) -> Iterator[tuple[str, Decimal]]:
    for price in value[:_MAX_PROPERTIES] if isinstance(value, list) else ():
        match price:
            case {"unit": str(unit), "price": int() | float() | Decimal() as amount, "currency": "USD"}:
                exact = Decimal(str(amount)) if not isinstance(amount, bool) else Decimal("NaN")
                if exact.is_finite() and 0 <= exact < 10**6:
                    yield unit.lower(), exact


def _parse_count(value: Any) -> int | None:
    """Return a positive number; the list writes it as text."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if text.isascii() and text.isdigit() and len(text) < 12 and 0 < int(text) <= _MAX_CONTEXT_WINDOW:
        return int(text)
    return None


def _parse_date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def _is_true(value: Any) -> bool:
    return value is True or value == "true"
