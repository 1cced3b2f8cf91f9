"""A plan as plain JSON values and back, without loss. Values that are read are validated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from lib.experiment.checks.check_kinds import (
    Check,
    Contains,
    Equals,
    Judge,
    Length,
    LengthUnit,
    Matches,
    MatchesSchema,
    NumberWithin,
    ValidJson,
)
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Axis, Limits, Plan, PromptVersion, Variant
from lib.files import value_codec
from lib.files.answer_codec import parse_features
from lib.files.value_codec import Data
from lib.jsonkit.json_reader import BadFile, Node
from lib.model.model_record import Number
from lib.model.settings import Setting, Settings

FORMAT = "paddock.experiment"
VERSION = 1

_ADVICE = "Choose an experiment that Paddock exported."
_MAX_NAME_CHARS = 255
_MAX_WHOLE = 10**9


def write(plan: Plan) -> Data:
    """Return the plan as plain JSON values; decimals are written as their digits."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "prompts": [
            {"name": prompt.name, "system": prompt.system, "user": prompt.user} for prompt in plan.prompts
        ],
        "inputs": {
            "columns": list(plan.inputs.columns),
            "rows": [list(row) for row in plan.inputs.rows],
            "expected": plan.inputs.expected,
        },
        "base": value_codec.write_settings(plan.base),
        "axes": [{"name": axis.name, "values": list(axis.values)} for axis in plan.axes],
        "variants": [
            {
                "name": variant.name,
                "settings": value_codec.write_settings(variant.settings),
                "system": variant.system,
            }
            for variant in plan.variants
        ],
        "repetitions": plan.repetitions,
        "checks": [write_check(check) for check in plan.checks],
        "limits": {
            "dollars": _digits(plan.limits.dollars),
            "requests": plan.limits.requests,
            "per_minute": plan.limits.per_minute,
            "concurrency": plan.limits.concurrency,
            "attempts": plan.limits.attempts,
        },
    }


def read(data: Node | Mapping[str, Any]) -> Plan:
    """Read a plan. Raise BadInput, naming the place of the first error."""
    node = data if isinstance(data, Node) else Node(dict(data))
    if not isinstance(node.value, dict) or node.value.get("format") != FORMAT:
        raise BadFile("That is no experiment.", advice=_ADVICE)
    if node.value.get("version") != VERSION:
        raise BadFile(
            "The experiment is of another version.", advice="Use the version of Paddock that made it."
        )
    node.require_only_keys(
        "format",
        "version",
        "prompts",
        "inputs",
        "base",
        "axes",
        "variants",
        "repetitions",
        "checks",
        "limits",
    )
    return Plan(
        prompts=read_prompts(node["prompts"]),
        inputs=read_inputs(node["inputs"]),
        base=_read_settings(node["base"]),
        axes=read_axes(node["axes"]),
        variants=tuple(_read_variant(variant) for variant in node["variants"].items()),
        repetitions=_read_whole_number(node["repetitions"]),
        checks=read_checks(node["checks"]),
        limits=_read_limits(node["limits"]),
    )


def read_prompts(node: Node) -> tuple[PromptVersion, ...]:
    return tuple(
        PromptVersion(entry["name"].text(_MAX_NAME_CHARS), entry["system"].text(), entry["user"].text())
        for entry in (version.require_only_keys("name", "system", "user") for version in node.items())
    )


def read_inputs(node: Node) -> Inputs:
    node.require_only_keys("columns", "rows", "expected")
    return Inputs(
        tuple(column.text(_MAX_NAME_CHARS) for column in node["columns"].items()),
        tuple(tuple(cell.text() for cell in row.items()) for row in node["rows"].items()),
        node["expected"].optional(lambda column: column.text(_MAX_NAME_CHARS)),
    )


def read_axes(node: Node) -> tuple[Axis, ...]:
    return tuple(
        Axis(
            entry["name"].text(_MAX_NAME_CHARS),
            tuple(value.optional(_read_number) for value in entry["values"].items()),
        )
        for entry in (axis.require_only_keys("name", "values") for axis in node.items())
    )


def _read_settings(node: Node) -> Settings:
    node.require_only_keys("parameters", "features")
    items: dict[str, Setting] = {}
    for parameter in node["parameters"].items():
        parameter.require_only_keys("name", "value", "sent")
        name = parameter["name"].text(_MAX_NAME_CHARS)
        if name in items:
            raise parameter["name"].error("is there twice")
        items[name] = Setting(name, _read_number(parameter["value"]), parameter["sent"].boolean())
    return Settings(tuple(items.values()), parse_features(node["features"]))


def _read_number(node: Node) -> Number:
    if isinstance(value := node.number(), float) and not math.isfinite(value):
        raise node.error("must be a finite number")
    return value


def _read_variant(node: Node) -> Variant:
    node.require_only_keys("name", "settings", "system")
    return Variant(
        node["name"].text(_MAX_NAME_CHARS),
        _read_settings(node["settings"]),
        node["system"].optional(Node.text),
    )


def _read_limits(node: Node) -> Limits:
    node.require_only_keys("dollars", "requests", "per_minute", "concurrency", "attempts")
    return Limits(
        node["dollars"].optional(_decimal),
        node["requests"].optional(_read_whole_number),
        _read_whole_number(node["per_minute"]),
        _read_whole_number(node["concurrency"]),
        _read_whole_number(node["attempts"]),
    )


def _read_whole_number(node: Node) -> int:
    return node.integer(-_MAX_WHOLE, _MAX_WHOLE)


def _digits(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(node: Node) -> Decimal:
    """Read a decimal from its digits; a huge exponent would fill the memory once it is written out."""
    try:
        value = Decimal(node.text(100))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value.adjusted()) > 100:
        raise node.error("must be a decimal number's digits, as a text")
    return value


def write_check(check: Check) -> Data:
    """Return the check as plain JSON values, with its kind."""
    match check:
        case Equals(text, ignore_case):
            return {"kind": "equals", "text": text, "ignore_case": ignore_case}
        case Contains(text, ignore_case, absent):
            return {"kind": "contains", "text": text, "ignore_case": ignore_case, "absent": absent}
        case Matches(pattern):
            return {"kind": "matches", "pattern": pattern}
        case NumberWithin(least, most, around, tolerance):
            bounds = {"least": _digits(least), "most": _digits(most)}
            return {"kind": "number_within", **bounds, "around": around, "tolerance": str(tolerance)}
        case ValidJson():
            return {"kind": "valid_json"}
        case MatchesSchema(schema):
            return {"kind": "matches_schema", "schema": schema}
        case Length(unit, shortest, longest):
            return {"kind": "length", "unit": unit.value, "least": shortest, "most": longest}
        case Judge(criterion):
            return {"kind": "judge", "criterion": criterion}


def read_checks(node: Node) -> tuple[Check, ...]:
    return tuple(_CHECK_READERS[check["kind"].one_of(_CHECK_READERS)](check) for check in node.items())


def _equals(node: Node) -> Check:
    node.require_only_keys("kind", "text", "ignore_case")
    return Equals(node["text"].text(), node["ignore_case"].boolean())


def _contains(node: Node) -> Check:
    node.require_only_keys("kind", "text", "ignore_case", "absent")
    return Contains(node["text"].text(), node["ignore_case"].boolean(), node["absent"].boolean())


def _matches(node: Node) -> Check:
    return Matches(node.require_only_keys("kind", "pattern")["pattern"].text())


def _number_within(node: Node) -> Check:
    node.require_only_keys("kind", "least", "most", "around", "tolerance")
    least, most = node["least"].optional(_decimal), node["most"].optional(_decimal)
    return NumberWithin(least, most, node["around"].text(), _decimal(node["tolerance"]))


def _valid_json(node: Node) -> Check:
    node.require_only_keys("kind")
    return ValidJson()


def _matches_schema(node: Node) -> Check:
    return MatchesSchema(node.require_only_keys("kind", "schema")["schema"].optional(Node.text))


def _length(node: Node) -> Check:
    node.require_only_keys("kind", "unit", "least", "most")
    unit = LengthUnit(node["unit"].one_of([unit.value for unit in LengthUnit]))
    return Length(unit, node["least"].optional(_read_whole_number), node["most"].optional(_read_whole_number))


def _judge(node: Node) -> Check:
    return Judge(node.require_only_keys("kind", "criterion")["criterion"].text())


_CHECK_READERS: Mapping[str, Callable[[Node], Check]] = {
    "equals": _equals,
    "contains": _contains,
    "matches": _matches,
    "number_within": _number_within,
    "valid_json": _valid_json,
    "matches_schema": _matches_schema,
    "length": _length,
    "judge": _judge,
}
