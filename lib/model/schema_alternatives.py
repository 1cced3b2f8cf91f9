"""JSON Schema without compositions: ``$ref``, ``oneOf``, ``anyOf`` and ``allOf`` become a list of plain schemas.

Schemas come from the network, so the work is bounded by a number of steps, not by their size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import unquote

MAX_STEPS = 4_000  # schemas that are visited in one reading
MAX_DEPTH = 24
MAX_ALTERNATIVES = 40  # of one schema
MAX_TYPES = 10  # in one list of types
MAX_CHOICES = 100
# No model documents a larger bound, and larger numbers are of no use to a control.
MAX_NUMBER = 2**64
_MAX_REFERENCE = 300  # characters

Scalar = str | int | float | bool
_ALL_TYPES = frozenset(("null", "boolean", "object", "array", "number", "integer", "string"))


@dataclass(frozen=True)
class PlainSchema:
    """A schema's rules for a value, without compositions.

    ``types`` holds all types if none is documented; a number's are number and integer. ``choices`` are the documented
    values, None if any value will do; null is not among them. ``properties`` are the mappings that the parts of a
    composition contributed.
    """

    types: frozenset[str] = _ALL_TYPES
    title: str = ""
    description: str = ""
    default: Scalar | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    excludes_minimum: bool = False
    excludes_maximum: bool = False
    choices: tuple[Scalar, ...] | None = None
    properties: tuple[Mapping[str, Any], ...] = ()

    @property
    def has_types(self) -> bool:
        """True if the schema documents types."""
        return self.types != _ALL_TYPES

    @property
    def is_null(self) -> bool:
        """True if only null meets the schema."""
        return self.types == {"null"}


class SchemaWalk:
    """A reading of a schema, with the steps that are left for it."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._steps_left = MAX_STEPS
        self.is_cut_off = False

    def spend(self) -> bool:
        """Count a step; return False if none is left."""
        self._steps_left -= 1
        self.is_cut_off = self.is_cut_off or self._steps_left < 0
        return not self.is_cut_off

    def alternatives(self, schema: Any) -> tuple[PlainSchema, ...]:
        """Return the plain schemas of which a value must meet one; none if the schema cannot be read."""
        return tuple(islice(self._expand(schema, 0), MAX_ALTERNATIVES))

    def _expand(self, schema: Any, depth: int) -> Iterator[PlainSchema]:
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH or not self.spend():
            return
        plain: Sequence[PlainSchema] = (_read_keywords(schema),)
        groups: list[list[Any]] = []
        if "$ref" in schema:
            groups.append([self._find(schema["$ref"])])
        for keyword in ("oneOf", "anyOf"):
            if isinstance(members := schema.get(keyword), list) and members:
                groups.append(members[:MAX_ALTERNATIVES])
        if isinstance(members := schema.get("allOf"), list):
            groups += [[member] for member in members[:MAX_ALTERNATIVES]]
        for group in groups:
            plain = tuple(islice(self._combine(plain, group, depth + 1), MAX_ALTERNATIVES))
        yield from plain

    def _combine(self, outer: Sequence[PlainSchema], group: list[Any], depth: int) -> Iterator[PlainSchema]:
        """Yield each outer schema together with each alternative of the group's members, if both can be met."""
        for member in group:
            for inner in self._expand(member, depth):
                for plain in outer:
                    if not self.spend():
                        return
                    if (both := _merge(plain, inner)) is not None:
                        yield both

    def _find(self, reference: Any) -> Any:
        """Return the part of the schema that a reference names; None for one that leads out of it."""
        if not isinstance(reference, str) or len(reference) > _MAX_REFERENCE or not reference.startswith("#"):
            return None
        place = self._root
        for step in unquote(reference[1:]).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(place, Mapping):
                place = place.get(name)
            elif isinstance(place, list) and name.isascii() and name.isdigit() and int(name) < len(place):
                place = place[int(name)]
            else:
                return None
        return place


def _read_keywords(schema: Mapping[str, Any]) -> PlainSchema:
    minimum, excludes_minimum = _read_bound(schema, "minimum", "exclusiveMinimum", is_lower=True)
    maximum, excludes_maximum = _read_bound(schema, "maximum", "exclusiveMaximum", is_lower=False)
    types, values = _read_types(schema.get("type")), _read_values(schema)
    if values is not None and all(value is None for value in values):
        types = frozenset(("null",))
    properties = schema.get("properties")
    return PlainSchema(
        types=types | {"null"} if schema.get("nullable") is True and types else types,
        title=_text(schema.get("title")),
        description=_text(schema.get("description")),
        default=_scalar(schema.get("default")),
        minimum=minimum,
        maximum=maximum,
        excludes_minimum=excludes_minimum,
        excludes_maximum=excludes_maximum,
        choices=None if values is None else tuple(v for v in map(_scalar, values) if v is not None),
        properties=(properties,) if isinstance(properties, Mapping) else (),
    )


def _read_types(value: Any) -> frozenset[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list):
        return _ALL_TYPES
    types = frozenset(name for name in names[:MAX_TYPES] if isinstance(name, str))
    return types | {"integer"} if "number" in types else types


def _read_bound(
    schema: Mapping[str, Any], plain: str, exclusive: str, *, is_lower: bool
) -> tuple[int | float | None, bool]:
    """Return a bound, and True if the bound itself is excluded. Draft 4 has a boolean for that."""
    bound, excluded = as_number(schema.get(plain)), schema.get(exclusive)
    if excluded is True:
        return bound, bound is not None
    if (other := as_number(excluded)) is not None and (
        bound is None or (other >= bound if is_lower else other <= bound)
    ):
        return other, True
    return bound, False


def _read_values(schema: Mapping[str, Any]) -> list[Any] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return values[:MAX_CHOICES] if isinstance(values, list) else None


def _merge(outer: PlainSchema, inner: PlainSchema) -> PlainSchema | None:
    """Return what both schemas say together, None if no value meets both. Texts and default are the outer's."""
    types = outer.types & inner.types
    if not types:
        return None
    lower = max((outer, inner), key=lambda one: -math.inf if one.minimum is None else one.minimum)
    upper = min((outer, inner), key=lambda one: math.inf if one.maximum is None else one.maximum)
    return replace(
        outer,
        types=types,
        title=outer.title or inner.title,
        description=outer.description or inner.description,
        default=inner.default if outer.default is None else outer.default,
        minimum=lower.minimum,
        excludes_minimum=lower.excludes_minimum,
        maximum=upper.maximum,
        excludes_maximum=upper.excludes_maximum,
        choices=inner.choices if outer.choices is None else outer.choices,
        properties=outer.properties + inner.properties,
    )


def as_number(value: Any) -> int | float | None:
    """Return a finite number of reasonable size, None for any other value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if -MAX_NUMBER <= value <= MAX_NUMBER else None


def _scalar(value: Any) -> Scalar | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if len(value) <= 200 else None
    return as_number(value)


def _text(value: Any) -> str:
    return value[:2_000].strip() if isinstance(value, str) else ""
