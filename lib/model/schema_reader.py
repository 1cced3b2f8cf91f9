"""Read the JSON Schema of a model's input: the parameters that a control can offer, and what is left out.

Three families of schemas are documented: ``oneOf`` a prompt or messages; that ``oneOf`` inside another, beside other
forms of request; ``anyOf`` with members that may be null. One reader takes all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import Any

from lib.model.schema_alternatives import PlainSchema, Scalar, SchemaWalk, as_number

MAX_PROPERTIES = 200  # of one form of request
_MAX_NAME = 100  # characters
# A control cannot exclude its own end: it stops this far before it.
_EXCLUDED = 0.001

# Properties of a request that are not parameters: the page has its own places for them.
MESSAGES, PROMPT = "messages", "prompt"
REQUEST_FIELDS = frozenset(
    (MESSAGES, PROMPT, "stream", "raw", "lora", "response_format", "tools", "functions")
)
# Sound and pictures, as properties of a request and as parts of a message.
_MEDIA = ("audio", "image", "video", "modalities")
_MEDIA_PARTS = ("image_url", "image", "input_audio", "audio", "video_url")


class ParameterKind(StrEnum):
    """The kinds of values that a control offers."""

    NUMBER = "number"
    INTEGER = "integer"
    CHOICE = "choice"
    SWITCH = "switch"


class Omission(StrEnum):
    """The reasons why a documented property has no control."""

    MEDIA = "sound or pictures, which Paddock does not send"
    TEXT = "free text"
    LIST = "a list"
    OBJECT = "several values in one"
    OTHER_FORM = "belongs to another form of request"
    CONTRADICTION = "no value meets its description"
    UNKNOWN = "its description cannot be read"
    TOO_LARGE = "the description of the model is too large to be read to its end"


@dataclass(frozen=True)
class DocumentedParameter:
    """A parameter as the schema documents it; bounds and default are None if it documents none."""

    name: str
    kind: ParameterKind
    help: str = ""
    minimum: int | float | None = None
    maximum: int | float | None = None
    default: Scalar | None = None
    choices: tuple[Scalar, ...] = ()


@dataclass(frozen=True)
class OmittedProperty:
    """A documented property that has no control, and the reason."""

    name: str
    reason: Omission


@dataclass(frozen=True)
class InputSchema:
    """The request that a model's schema documents.

    ``fields`` are those of ``REQUEST_FIELDS`` that it documents. ``omitted`` names everything else without a control.
    """

    parameters: tuple[DocumentedParameter, ...] = ()
    fields: frozenset[str] = frozenset()
    omitted: tuple[OmittedProperty, ...] = ()


def read_input_schema(schema: Any) -> InputSchema:
    """Return what the schema of a model's input says; never fails, however odd the schema is."""
    walk = SchemaWalk(schema)
    forms = [_merge_properties(form) for form in walk.alternatives(schema)]
    readings: dict[str, DocumentedParameter | Omission] = {}
    fields: set[str] = set()
    for properties in forms:
        # Others are the Responses API, batches, and models that do not chat.
        can_be_sent = MESSAGES in properties or PROMPT in properties
        for name, property in properties.items():
            if can_be_sent and name in REQUEST_FIELDS:
                fields.add(name)
            elif can_be_sent:
                reading = _read_property(walk, name, property)
                readings[name] = _combine(readings[name], reading) if name in readings else reading
            elif name not in REQUEST_FIELDS:
                readings.setdefault(name, Omission.OTHER_FORM)
    omitted = [
        OmittedProperty(name, reason) for name, reason in readings.items() if isinstance(reason, Omission)
    ]
    if any(_has_media_parts(SchemaWalk(schema), form[MESSAGES], 0) for form in forms if MESSAGES in form):
        omitted.append(OmittedProperty(MESSAGES, Omission.MEDIA))
    if walk.is_cut_off or any(len(properties) == MAX_PROPERTIES for properties in forms):
        omitted.append(OmittedProperty("", Omission.TOO_LARGE))
    parameters = tuple(reading for reading in readings.values() if isinstance(reading, DocumentedParameter))
    return InputSchema(parameters, frozenset(fields), tuple(omitted))


def _merge_properties(form: PlainSchema) -> Mapping[str, Any]:
    """Return up to ``MAX_PROPERTIES`` properties of a form of request; the first part that has a name counts."""
    merged: dict[str, Any] = {}
    for properties in form.properties:
        for name, property in islice(properties.items(), MAX_PROPERTIES):
            if len(merged) < MAX_PROPERTIES and isinstance(name, str) and 0 < len(name) <= _MAX_NAME:
                merged.setdefault(name, property)
    return merged


def _read_property(walk: SchemaWalk, name: str, property: Any) -> DocumentedParameter | Omission:
    if any(word in name.lower() for word in _MEDIA):
        return Omission.MEDIA
    alternatives = [plain for plain in walk.alternatives(property) if not plain.is_null]
    if not alternatives:
        return Omission.TOO_LARGE if walk.is_cut_off else Omission.UNKNOWN
    readings = [_read_plain(name, plain) for plain in alternatives]
    parameters = [reading for reading in readings if isinstance(reading, DocumentedParameter)]
    if not parameters:
        return next(reading for reading in readings if isinstance(reading, Omission))
    first = parameters[0]
    if first.kind is ParameterKind.CHOICE:
        others = [parameter for parameter in parameters if parameter.kind is ParameterKind.CHOICE]
        first = replace(first, choices=_unique(choice for other in others for choice in other.choices))
    return first


def _read_plain(name: str, plain: PlainSchema) -> DocumentedParameter | Omission:
    help = plain.description or plain.title
    types = plain.types - {"null"}
    if plain.choices is not None:
        choices = _unique(choice for choice in plain.choices if _type_of(choice) in types)
        if not choices:
            return Omission.CONTRADICTION
        if set(map(_type_of, choices)) == {"boolean"}:
            return DocumentedParameter(name, ParameterKind.SWITCH, help, default=_default_in(plain, choices))
        return DocumentedParameter(
            name, ParameterKind.CHOICE, help, choices=choices, default=_default_in(plain, choices)
        )
    if not plain.has_types:
        # Bounds concern numbers only.
        if plain.minimum is None and plain.maximum is None:
            return Omission.UNKNOWN
        return _read_number(name, plain, ParameterKind.NUMBER)
    if "number" in types:
        return _read_number(name, plain, ParameterKind.NUMBER)
    if "integer" in types:
        return _read_number(name, plain, ParameterKind.INTEGER)
    if "boolean" in types:
        default = plain.default if isinstance(plain.default, bool) else None
        return DocumentedParameter(name, ParameterKind.SWITCH, help, default=default)
    for type, reason in (("string", Omission.TEXT), ("array", Omission.LIST), ("object", Omission.OBJECT)):
        if type in types:
            return reason
    return Omission.UNKNOWN


def _read_number(name: str, plain: PlainSchema, kind: ParameterKind) -> DocumentedParameter | Omission:
    minimum, maximum = plain.minimum, plain.maximum
    if kind is ParameterKind.INTEGER:
        if minimum is not None:
            minimum = math.floor(minimum) + 1 if plain.excludes_minimum else math.ceil(minimum)
        if maximum is not None:
            maximum = math.ceil(maximum) - 1 if plain.excludes_maximum else math.floor(maximum)
    else:
        if minimum is not None and plain.excludes_minimum:
            minimum += _EXCLUDED
        if maximum is not None and plain.excludes_maximum:
            maximum -= _EXCLUDED
    if minimum is not None and maximum is not None and minimum > maximum:
        return Omission.CONTRADICTION
    default = as_number(plain.default)
    if default is not None:
        is_whole = kind is ParameterKind.NUMBER or default == int(default)
        if not is_whole or not _is_within(default, minimum, maximum):
            default = None
        elif kind is ParameterKind.INTEGER:
            default = int(default)
    return DocumentedParameter(name, kind, plain.description or plain.title, minimum, maximum, default)


def _combine(
    first: DocumentedParameter | Omission, second: DocumentedParameter | Omission
) -> DocumentedParameter | Omission:
    """Return what both forms of request take: a value is sent with messages and with a prompt alike."""
    if isinstance(first, Omission) or isinstance(second, Omission):
        return second if isinstance(first, Omission) else first
    if first == second or first.kind is not second.kind:
        return first
    help = first.help or second.help
    if first.kind is ParameterKind.SWITCH:
        return replace(first, help=help)
    if first.kind is ParameterKind.CHOICE:
        choices = tuple(choice for choice in first.choices if choice in second.choices)
        default = first.default if first.default in choices else None
        return (
            replace(first, help=help, choices=choices, default=default) if choices else Omission.CONTRADICTION
        )
    minimum = max((bound for bound in (first.minimum, second.minimum) if bound is not None), default=None)
    maximum = min((bound for bound in (first.maximum, second.maximum) if bound is not None), default=None)
    if minimum is not None and maximum is not None and minimum > maximum:
        return Omission.CONTRADICTION
    default = first.default if first.default is not None else second.default
    number = as_number(default)
    if number is None or not _is_within(number, minimum, maximum):
        default = None
    return replace(first, help=help, minimum=minimum, maximum=maximum, default=default)


def _has_media_parts(walk: SchemaWalk, schema: Any, depth: int) -> bool:
    """Return True if a message may have parts that are pictures or sound."""
    if not walk.spend() or depth > 12:
        return False
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        if isinstance(properties, Mapping) and any(part in properties for part in _MEDIA_PARTS):
            return True
        children: Iterator[Any] = islice(schema.values(), MAX_PROPERTIES)
    elif isinstance(schema, list):
        children = islice(schema, MAX_PROPERTIES)
    else:
        return False
    return any(
        _has_media_parts(walk, child, depth + 1) for child in children if isinstance(child, (Mapping, list))
    )


def _is_within(value: float, minimum: float | None, maximum: float | None) -> bool:
    return (minimum is None or minimum <= value) and (maximum is None or value <= maximum)


def _default_in(plain: PlainSchema, choices: tuple[Scalar, ...]) -> Scalar | None:
    return plain.default if plain.default in choices else None


def _unique(choices: Iterator[Scalar]) -> tuple[Scalar, ...]:
    # 1, 1.0 and True are equal, but not the same choice.
    return tuple({(type(choice), choice): choice for choice in choices}.values())


def _type_of(choice: Scalar) -> str:
    match choice:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
    return "string"
