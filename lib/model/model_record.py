"""Read a model's record: its documented parameters, price, context window and schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from lib.model.schema_alternatives import as_number
from lib.model.schema_reader import DocumentedParameter, InputSchema, ParameterKind, read_input_schema

RECORDS_FOLDER = Path(__file__).parent / "records"
_CONTROLS_FILE = Path(__file__).parent / "parameter_controls.json"
DEFAULT_MODEL_ID = "@cf/meta/llama-3.2-1b-instruct"

Number = int | float


def format_number(value: Number) -> str:
    """Format a number of a parameter: a whole one with thousands separators."""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


@dataclass(frozen=True)
class Parameter:
    """A sampling parameter as the model's page documents it, and how a control offers it.

    ``help`` is the documented text, ``about`` is ours. ``simple_label`` is the plain name among the few settings that
    most people use, empty for the others. ``maximum`` and ``default`` are None if the page documents
    none: the context window or the model decides then.
    ``effect_beyond_next_token`` describes a parameter that does not change the next token's probabilities; it is
    empty for the others. Within ``neutral_range`` the parameter changes nothing. At ``deterministic_at`` the
    likeliest token is always chosen, so a parameter that ``needs_randomness`` has no effect.
    """

    name: str
    kind: ParameterKind
    help: str
    about: str
    effect_beyond_next_token: str
    minimum: Number
    maximum: Number | None
    default: Number | None
    label: str
    simple_label: str
    step: Number
    start: Number
    limits_output: bool
    is_seed: bool
    neutral_range: tuple[Number, Number] | None
    deterministic_at: Number | None
    needs_randomness: bool
    is_in_openai_api: bool

    def cast(self, value: Number) -> Number:
        """Convert the value to int or float, as the parameter's kind says."""
        return int(value) if self.kind is ParameterKind.INTEGER else float(value)

    @property
    def bounds_text(self) -> str:
        """The documented bounds in words, such as "0 to 2"."""
        upper = "what the context window leaves" if self.maximum is None else format_number(self.maximum)
        return f"{format_number(self.minimum)} to {upper}"

    def is_neutral_at(self, value: Number) -> bool:
        """Return True if the parameter changes nothing at that value."""
        return self.neutral_range is not None and self.neutral_range[0] <= value <= self.neutral_range[1]


@dataclass(frozen=True)
class Price:
    """The listed unit prices in US dollars and in neurons.

    Cached input costs as much as other input, unless it has a price of its own.
    """

    input_per_million: Decimal
    output_per_million: Decimal
    neurons_per_million_input: Decimal
    neurons_per_million_output: Decimal
    per_thousand_neurons: Decimal
    free_neurons_a_day: Decimal
    cached_input_per_million: Decimal | None = None


@dataclass(frozen=True)
class Capability:
    """A feature of the API and what the documentation says about it for this model.

    ``field`` is the property of the request that turns it on. ``listed``: the documentation names this model for
    it; otherwise only the schema has the property.
    """

    name: str
    label: str
    field: str
    listed: bool
    documented: str
    source: str


@dataclass(frozen=True)
class Model:
    """A model's record; ``read_on`` is the date on which its documentation was read.

    ``input_schema`` and ``output_schema`` are the documented JSON Schemas.
    """

    id: str
    name: str
    maker: str
    task: str
    description: str
    source: str
    read_on: str
    terms: str
    context_window: int
    price: Price
    parameters: tuple[Parameter, ...]
    capabilities: tuple[Capability, ...]
    input_schema: Mapping[str, Any] = field(hash=False)
    output_schema: Mapping[str, Any] = field(hash=False)

    def parameter(self, name: str) -> Parameter:
        """Return the parameter of that name. Raises KeyError."""
        return {parameter.name: parameter for parameter in self.parameters}[name]

    def capability(self, name: str) -> Capability:
        """Return the capability of that name. Raises KeyError."""
        return {capability.name: capability for capability in self.capabilities}[name]

    def answer_limit(self, sent: Mapping[str, Number]) -> Number | None:
        """Return the most tokens that an answer can have with these parameters, None if nothing limits it."""
        limits = [
            sent.get(parameter.name, parameter.default)
            for parameter in self.parameters
            if parameter.limits_output
        ]
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def output_limit(self) -> Parameter:
        """The parameter that limits the number of tokens of an answer."""
        return next(parameter for parameter in self.parameters if parameter.limits_output)


@cache
def _controls() -> Mapping[str, Any]:
    controls: dict[str, Any] = json.loads(_CONTROLS_FILE.read_text(encoding="utf-8"))
    del controls["//"]
    return controls


def offered_parameters(read: InputSchema) -> Iterator[Parameter]:
    """Yield the numbers of a schema that Paddock has a control for."""
    for documented in read.parameters:
        control = _controls().get(documented.name)
        if control is not None and documented.kind in (ParameterKind.INTEGER, ParameterKind.NUMBER):
            yield _offer(documented, control)


def _offer(documented: DocumentedParameter, control: Mapping[str, Any]) -> Parameter:
    default = as_number(documented.default)
    minimum = control.get("minimum", 0) if documented.minimum is None else documented.minimum
    return Parameter(
        name=documented.name,
        kind=documented.kind,
        help=documented.help,
        about=control["about"],
        effect_beyond_next_token=control.get("beyond_one_token", ""),
        minimum=minimum,
        maximum=documented.maximum,
        default=default,
        label=control["label"],
        simple_label=control.get("simple_label", ""),
        step=control["step"],
        start=control.get("start", minimum) if default is None else default,
        limits_output=control.get("caps_output", False),
        is_seed=control.get("rolls", False),
        neutral_range=tuple(control["neutral"]) if "neutral" in control else None,
        deterministic_at=control.get("certain_at"),
        needs_randomness=control.get("of_chance", False),
        is_in_openai_api=control.get("openai", True),
    )


def parameter_label(name: str) -> str:
    """Return the label of a parameter: Paddock's own, else its name in words."""
    control = _controls().get(name)
    return str(control["label"]) if control else name.replace("_", " ").strip().capitalize()


def has_control(name: str) -> bool:
    """Return True if Paddock has a control of its own for that parameter."""
    return name in _controls()


def read_model(path: Path) -> Model:
    record = json.loads(path.read_text(encoding="utf-8"))
    return Model(
        id=record["id"],
        name=record["name"],
        maker=record["maker"],
        task=record["task"],
        description=record["description"],
        source=record["source"]["page"],
        read_on=record["source"]["read"],
        terms=record["terms"],
        context_window=record["context_window"],
        price=Price(**{name: Decimal(value) for name, value in record["price"].items()}),
        parameters=tuple(offered_parameters(read_input_schema(record["input"]))),
        capabilities=tuple(Capability(**fields) for fields in record["capabilities"]),
        input_schema=record["input"],
        output_schema=record["output"],
    )


@cache
def models() -> Mapping[str, Model]:
    """Return every model that has a record, by its id."""
    return {model.id: model for model in map(read_model, sorted(RECORDS_FOLDER.glob("*.json")))}


def default_model() -> Model:
    """Return the model that Paddock opens with."""
    return models()[DEFAULT_MODEL_ID]
