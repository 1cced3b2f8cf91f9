"""The documented model: parameters with their bounds, price, context window, schemas, read from its record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

RECORDS = Path(__file__).parent / "models"
DEFAULT = "@cf/meta/llama-3.2-1b-instruct"

Number = int | float


@dataclass(frozen=True)
class Parameter:
    """One sampling parameter as the schema documents it, and how a control offers it.

    ``maximum`` is None where the page documents none (the context window bounds it then);
    ``default`` is None where the page documents none (the model's own choice then); ``openai`` tells whether
    OpenAI's API has the parameter too.
    """

    name: str
    kind: Literal["integer", "number"]
    help: str
    minimum: Number
    maximum: Number | None
    default: Number | None
    label: str
    step: Number
    start: Number
    caps_output: bool
    rolls: bool
    openai: bool

    def cast(self, value: Number) -> Number:
        """The value in the parameter's own type: int for an integer, float for a number."""
        return int(value) if self.kind == "integer" else float(value)


@dataclass(frozen=True)
class Price:
    """Listed unit prices in US dollars, and the same in neurons. All exact decimals."""

    input_per_million: Decimal
    output_per_million: Decimal
    neurons_per_million_input: Decimal
    neurons_per_million_output: Decimal
    per_thousand_neurons: Decimal
    free_neurons_a_day: Decimal


@dataclass(frozen=True)
class Model:
    """A model's record. ``input_schema`` and ``output_schema`` are the documented JSON Schemas."""

    id: str
    name: str
    maker: str
    task: str
    description: str
    source: str
    read: str
    terms: str
    context_window: int
    price: Price
    parameters: tuple[Parameter, ...]
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any]

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name. Raises KeyError."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    @property
    def output_cap(self) -> Parameter:
        """The parameter that bounds how many tokens an answer may have."""
        return next(parameter for parameter in self.parameters if parameter.caps_output)


def _parameters(schema: Mapping[str, Any], controls: Mapping[str, Any]) -> Iterator[Parameter]:
    properties: dict[str, Any] = {}
    for shape in schema["oneOf"]:
        properties |= shape["properties"]
    for name, documented in properties.items():
        if documented.get("type") not in ("integer", "number"):
            continue
        control = controls[name]
        default = documented.get("default")
        yield Parameter(
            name=name,
            kind=documented["type"],
            help=documented["description"],
            minimum=documented.get("minimum", control.get("minimum")),
            maximum=documented.get("maximum"),
            default=default,
            label=control["label"],
            step=control["step"],
            start=control.get("start", default),
            caps_output=control.get("caps_output", False),
            rolls=control.get("rolls", False),
            openai=control.get("openai", True),
        )


def read(path: Path) -> Model:
    """The model that a record file describes."""
    record = json.loads(path.read_text(encoding="utf-8"))
    return Model(
        id=record["id"],
        name=record["name"],
        maker=record["maker"],
        task=record["task"],
        description=record["description"],
        source=record["source"]["page"],
        read=record["source"]["read"],
        terms=record["terms"],
        context_window=record["context_window"],
        price=Price(**{name: Decimal(value) for name, value in record["price"].items()}),
        parameters=tuple(_parameters(record["input"], record["controls"])),
        input_schema=record["input"],
        output_schema=record["output"],
    )


@cache
def models() -> Mapping[str, Model]:
    """Every model that has a record, by its id."""
    return {model.id: model for model in map(read, sorted(RECORDS.glob("*.json")))}


def default() -> Model:
    """The model that Paddock opens with."""
    return models()[DEFAULT]
