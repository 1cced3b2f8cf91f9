"""A plan as plain JSON values and back, without loss. Values that are read are validated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any

from lib.experiment.checks import check_kinds
from lib.experiment.checks.check_kinds import Check, LengthUnit
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Axis, Limits, Plan, PromptVersion, Variant
from lib.files import value_codec
from lib.files.answer_codec import parse_name, parse_scalar, parse_settings
from lib.files.value_codec import Data
from lib.jsonkit.json_reader import BadFile, Node, Reader, list_of, optional
from lib.model.catalogue_entry import is_model_id
from lib.model.model_record import Number, default_model
from lib.model.schema_alternatives import Scalar
from lib.model.settings import Settings

FORMAT = "paddock.experiment"
VERSION = 1
MODELS_FIELD = "models"  # left out without models, as earlier versions did

_ADVICE = "Choose an experiment that Paddock exported."
_VERSION_ADVICE = "Use the version of Paddock that made it."
_MAX_WHOLE = 10**9


def write(plan: Plan) -> Data:
    """Return the plan as plain JSON values; decimals are written as their digits."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "prompts": [asdict(prompt) for prompt in plan.prompts],
        "inputs": {
            "columns": list(plan.inputs.columns),
            "rows": [list(row) for row in plan.inputs.rows],
            "expected": plan.inputs.expected,
        },
        "base": value_codec.write_settings(plan.base),
        "axes": [{"name": axis.name, "values": list(axis.values)} for axis in plan.axes],
        "variants": [
            vars(variant) | {"settings": value_codec.write_settings(variant.settings)}
            for variant in plan.variants
        ],
        "repetitions": plan.repetitions,
        "checks": [write_check(check) for check in plan.checks],
        "limits": write_limits(plan.limits),
    } | ({MODELS_FIELD: list(plan.models)} if plan.models else {})


def write_limits(limits: Limits) -> Data:
    return asdict(limits) | {"dollars": _plain(limits.dollars)}


def write_check(check: Check) -> Data:
    """Return the check as plain JSON values, with its kind."""
    name = next(name for name, (kind, _) in _CHECKS.items() if isinstance(check, kind))
    _, fields = _CHECKS[name]
    return {"kind": name} | {field: _plain(getattr(check, field)) for field in fields}


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return str(value)
        case Enum():
            return value.value
        case _:
            return value


def read(data: Node | Mapping[str, Any]) -> Plan:
    """Read a plan. Raise BadInput, naming the place of the first error."""
    node = data if isinstance(data, Node) else Node(dict(data))
    if not isinstance(node.value, dict) or node.value.get("format") != FORMAT:
        raise BadFile("That is no experiment.", advice=_ADVICE)
    if node.value.get("version") != VERSION:
        raise BadFile("The experiment is of another version.", advice=_VERSION_ADVICE)
    models: dict[str, Reader] = {MODELS_FIELD: list_of(_read_model)} if MODELS_FIELD in node else {}
    fields = node.read_fields(
        "format",
        "version",
        prompts=read_prompts,
        inputs=read_inputs,
        base=_read_settings,
        axes=read_axes,
        variants=list_of(_read_variant),
        repetitions=_whole_number,
        checks=read_checks,
        limits=_read_limits,
        **models,
    )
    return Plan(**fields)


def _read_model(node: Node) -> str:
    if not is_model_id(id := parse_name(node)):
        raise node.error("is no ID of a model")
    return id


def read_prompts(node: Node) -> tuple[PromptVersion, ...]:
    fields: dict[str, Reader] = {"name": parse_name, "system": Node.text, "user": Node.text}
    return tuple(PromptVersion(**prompt.read_fields(**fields)) for prompt in node.items())


def read_inputs(node: Node) -> Inputs:
    rows = list_of(list_of(Node.text))
    return Inputs(**node.read_fields(columns=list_of(parse_name), rows=rows, expected=optional(parse_name)))


def read_axes(node: Node) -> tuple[Axis, ...]:
    values = list_of(optional(_read_number))
    return tuple(Axis(**axis.read_fields(name=parse_name, values=values)) for axis in node.items())


def _read_variant(node: Node) -> Variant:
    return Variant(**node.read_fields(name=parse_name, settings=_read_settings, system=optional(Node.text)))


def _read_limits(node: Node) -> Limits:
    fields = node.read_fields(
        dollars=optional(_decimal),
        requests=optional(_whole_number),
        per_minute=_whole_number,
        concurrency=_whole_number,
        attempts=_whole_number,
    )
    return Limits(**fields)


def read_checks(node: Node) -> tuple[Check, ...]:
    return tuple(_read_check(check) for check in node.items())


def _read_check(node: Node) -> Check:
    kind, fields = _CHECKS[node["kind"].one_of(_CHECKS)]
    return kind(**node.read_fields("kind", **fields))


def _read_settings(node: Node) -> Settings:
    return parse_settings(node, _read_value)


def _read_value(node: Node, name: str) -> Scalar:
    """Return a parameter's value. Those that only another model of the plan has may be choices and switches."""
    is_own = any(parameter.name == name for parameter in default_model().parameters)
    return _read_number(node) if is_own else parse_scalar(node)


def _read_number(node: Node) -> Number:
    if isinstance(value := node.number(), float) and not math.isfinite(value):
        raise node.error("must be a finite number")
    return value


def _whole_number(node: Node) -> int:
    return node.integer(-_MAX_WHOLE, _MAX_WHOLE)


def _length_unit(node: Node) -> LengthUnit:
    return LengthUnit(node.one_of([unit.value for unit in LengthUnit]))


def _decimal(node: Node) -> Decimal:
    """Read a decimal from its digits; a huge exponent would fill the memory once it is written out."""
    try:
        value = Decimal(node.text(100))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > 100:
        raise node.error("must be a decimal number's digits, as a text")
    return value


# Each kind of check by its name in the document, with its fields, which have the same names in the class.
_CHECKS: Mapping[str, tuple[type[Check], Mapping[str, Reader]]] = {
    "equals": (check_kinds.Equals, {"text": Node.text, "ignore_case": Node.boolean}),
    "contains": (
        check_kinds.Contains,
        {"text": Node.text, "ignore_case": Node.boolean, "absent": Node.boolean},
    ),
    "matches": (check_kinds.Matches, {"pattern": Node.text}),
    "number_within": (
        check_kinds.NumberWithin,
        {"least": optional(_decimal), "most": optional(_decimal), "around": Node.text, "tolerance": _decimal},
    ),
    "valid_json": (check_kinds.ValidJson, {}),
    "matches_schema": (check_kinds.MatchesSchema, {"schema": optional(Node.text)}),
    "length": (
        check_kinds.Length,
        {"unit": _length_unit, "least": optional(_whole_number), "most": optional(_whole_number)},
    ),
    "judge": (check_kinds.Judge, {"criterion": Node.text}),
}
