"""Read a model's record: its documented parameters, price, context window and schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from lib.model.schema_alternatives import Scalar, as_number
from lib.model.schema_reader import (
    MESSAGES,
    REQUEST_FIELDS,
    DocumentedParameter,
    InputSchema,
    OmittedProperty,
    ParameterKind,
    read_input_schema,
)

RECORDS_FOLDER = Path(__file__).parent / "records"
_CONTROLS_FILE = Path(__file__).parent / "parameter_controls.json"
_CHAT_FIELDS = frozenset((MESSAGES, "stream"))
DEFAULT_MODEL_ID = "@cf/meta/llama-3.2-1b-instruct"

Number = int | float
# A browser's numbers are exact up to here: it bounds a parameter whose schema documents no bounds.
MAX_EXACT_NUMBER = 2**53 - 1


def format_number(value: Number) -> str:
    """Format a number of a parameter: a whole one with thousands separators."""
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def clamp_to_exact(value: Number) -> Number:
    """Return the number, moved to where a browser's numbers are exact."""
    return min(max(value, -MAX_EXACT_NUMBER), MAX_EXACT_NUMBER)


def format_value(value: Scalar) -> str:
    """Format a value of a parameter: a switch as on or off, a word as it is."""
    match value:
        case bool():
            return "on" if value else "off"
        case int() | float():
            return format_number(value)
    return value


@dataclass(frozen=True)
class Parameter:
    """A parameter as the model's schema documents it, and how a control offers it.

    ``help`` is the documented text, ``about`` is ours; it is empty for a parameter that Paddock has no text about
    (``is_usual`` is False). ``simple_label`` is the plain name among the few settings that most people use, empty for
    the others. ``maximum`` and ``default`` are None if the schema documents none: the context window or the model
    decides then. ``choices`` are the values of a choice. ``slider_end`` is where a slider ends if no maximum is
    documented, None if a slider is of no use.
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
    default: Scalar | None
    label: str
    simple_label: str
    step: Number
    start: Scalar
    limits_output: bool
    is_seed: bool
    neutral_range: tuple[Number, Number] | None
    deterministic_at: Number | None
    needs_randomness: bool
    is_in_openai_api: bool
    is_usual: bool = True
    choices: tuple[Scalar, ...] = ()
    slider_end: Number | None = None

    @property
    def is_number(self) -> bool:
        """True for a number, False for a choice and a switch."""
        return self.kind in (ParameterKind.INTEGER, ParameterKind.NUMBER)

    @property
    def default_number(self) -> Number | None:
        """The documented default of a number."""
        return as_number(self.default)

    @property
    def start_number(self) -> Number:
        """The value at which the control of a number starts."""
        return as_number(self.start) or 0

    def cast(self, value: Number) -> Number:
        """Convert a number to int or float, as the parameter's kind says."""
        return int(value) if self.kind is ParameterKind.INTEGER else float(value)

    def cast_value(self, value: Scalar) -> Scalar:
        """Convert a value to the type in which it is sent."""
        number = as_number(value)
        return value if number is None or not self.is_number else self.cast(number)

    @property
    def bounds_text(self) -> str:
        """The documented values in words, such as "0 to 2"."""
        if not self.is_number:
            return ", ".join(map(format_value, self.choices or (True, False)))
        if self.maximum is not None:
            upper = format_number(self.maximum)
        elif self.limits_output:
            upper = "what the context window leaves"
        else:
            upper = "any number"
        return upper if self.minimum <= -MAX_EXACT_NUMBER else f"{format_number(self.minimum)} to {upper}"

    def is_neutral_at(self, value: Scalar) -> bool:
        """Return True if the parameter changes nothing at that value."""
        number = as_number(value)
        if self.neutral_range is None or number is None:
            return False
        return self.neutral_range[0] <= number <= self.neutral_range[1]


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

    ``input_schema`` and ``output_schema`` are the documented JSON Schemas. ``fields`` are the properties of a request
    besides the parameters that the input's schema documents (``REQUEST_FIELDS``), ``omitted`` those that Paddock
    does not offer. ``is_known`` is False for a stand-in for a model that is not listed here: only its ID is right.
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
    fields: frozenset[str] = frozenset()
    omitted: tuple[OmittedProperty, ...] = ()
    is_known: bool = True

    def takes(self, name: str) -> bool:
        """Return True if its schema documents that property of a request; without any it is a chat model's."""
        return name in (self.fields or _CHAT_FIELDS)

    def parameter(self, name: str) -> Parameter:
        """Return the parameter of that name. Raises KeyError."""
        return {parameter.name: parameter for parameter in self.parameters}[name]

    def capability(self, name: str) -> Capability:
        """Return the capability of that name. Raises KeyError."""
        return {capability.name: capability for capability in self.capabilities}[name]

    def answer_limit(self, sent: Mapping[str, Scalar]) -> Number | None:
        """Return the most tokens that an answer can have with these parameters, None if nothing limits it."""
        limits = [
            as_number(sent.get(parameter.name, parameter.default))
            for parameter in self.parameters
            if parameter.limits_output
        ]
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def output_limit(self) -> Parameter | None:
        """The parameter that limits the number of tokens of an answer, None if its schema documents none."""
        return next((parameter for parameter in self.parameters if parameter.limits_output), None)


@cache
def _controls() -> Mapping[str, Any]:
    controls: dict[str, Any] = json.loads(_CONTROLS_FILE.read_text(encoding="utf-8"))
    del controls["//"]
    return controls


def offered_parameters(read: InputSchema) -> Iterator[Parameter]:
    """Yield the parameters of a schema: first those that Paddock has a text about, in the schema's order."""
    for documented in sorted(read.parameters, key=lambda documented: not _has_own_control(documented)):
        yield _offer(documented)


def _has_own_control(documented: DocumentedParameter) -> bool:
    is_number = documented.kind in (ParameterKind.INTEGER, ParameterKind.NUMBER)
    return is_number and has_control(documented.name)


def _offer(documented: DocumentedParameter) -> Parameter:
    is_usual = _has_own_control(documented)
    control: Mapping[str, Any] = _controls()[documented.name] if is_usual else {}
    fallback = 0 if is_usual else -MAX_EXACT_NUMBER
    minimum = control.get("minimum", fallback) if documented.minimum is None else documented.minimum
    return Parameter(
        name=documented.name,
        kind=documented.kind,
        help=documented.help,
        about=control.get("about", ""),
        effect_beyond_next_token=control.get("beyond_one_token", ""),
        minimum=minimum,
        maximum=documented.maximum,
        default=documented.default,
        label=parameter_label(documented.name),
        simple_label=control.get("simple_label", ""),
        step=control.get("step", 1 if documented.kind is ParameterKind.INTEGER else 0.01),
        start=_start(documented, control, minimum),
        limits_output=control.get("caps_output", False),
        is_seed=control.get("rolls", False),
        neutral_range=tuple(control["neutral"]) if "neutral" in control else None,
        deterministic_at=control.get("certain_at"),
        needs_randomness=control.get("of_chance", False),
        is_in_openai_api=control.get("openai", True),
        is_usual=is_usual,
        choices=documented.choices,
        slider_end=control.get("slider_end"),
    )


def _start(documented: DocumentedParameter, control: Mapping[str, Any], minimum: Number) -> Scalar:
    """Return where a control starts."""
    if documented.default is not None:
        return documented.default
    match documented.kind:
        case ParameterKind.CHOICE:
            return documented.choices[0]
        case ParameterKind.SWITCH:
            return False
    start: Number = control.get("start", max(minimum, 0))
    return start if documented.maximum is None else min(start, documented.maximum)


def parameter_label(name: str) -> str:
    """Return the label of a parameter: Paddock's own, else its name in words."""
    control = _controls().get(name)
    return str(control["label"]) if control else name.replace("_", " ").strip().capitalize()


def is_in_openai_api(name: str) -> bool:
    """Return False for a parameter that OpenAI's API does not have, or that Paddock does not know."""
    control = _controls().get(name)
    return name in REQUEST_FIELDS if control is None else bool(control.get("openai", True))


def has_control(name: str) -> bool:
    """Return True if Paddock has a control of its own for that parameter."""
    return name in _controls()


def read_model(path: Path) -> Model:
    record = json.loads(path.read_text(encoding="utf-8"))
    read = read_input_schema(record["input"])
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
        parameters=tuple(offered_parameters(read)),
        capabilities=tuple(Capability(**fields) for fields in record["capabilities"]),
        input_schema=record["input"],
        output_schema=record["output"],
        fields=read.fields,
        omitted=read.omitted,
    )


@cache
def models() -> Mapping[str, Model]:
    """Return every model that has a record, by its id."""
    return {model.id: model for model in map(read_model, sorted(RECORDS_FOLDER.glob("*.json")))}


def default_model() -> Model:
    """Return the model that Paddock opens with."""
    return models()[DEFAULT_MODEL_ID]
