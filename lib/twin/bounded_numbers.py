"""Narrow the ranges of numbers in a JSON Schema, so that a small model writes few digits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from lib.twin.user_schema import UnsatisfiableSchemaError

# The engine counts in 64-bit integers.
MAX_NUMBER = 10**15
# The largest number if the schema has no bounds.
MAX_FREE_NUMBER = 10**9 - 1
# Multiples are listed one by one.
MAX_LISTED_MULTIPLES = 200
# The step between decimal numbers is smaller if their range has fewer steps than that.
MAX_STEP, MIN_STEP = Fraction(1, 10**4), Fraction(1, 10**8)
MIN_STEPS = 20


def narrow_number(kind: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema for numbers (``kind`` is number or integer). Raises UnsatisfiableSchemaError."""
    low, high, low_excluded, high_excluded = _number_bounds(schema)
    if low > MAX_NUMBER or high < -MAX_NUMBER:
        raise UnsatisfiableSchemaError("the numbers have too many digits")
    if "multipleOf" in schema:
        multiples = _list_multiples(schema["multipleOf"], low, high, whole=kind == "integer")
        excluded = [bound for bound, left_out in ((low, low_excluded), (high, high_excluded)) if left_out]
        values: list[Any] = [multiple for multiple in multiples if multiple not in excluded]
        if not values:
            raise UnsatisfiableSchemaError("no number lies between the bounds")
        return {"enum": values}
    low, high = _fill_missing_bounds(low, high)
    if kind == "integer":
        first = math.floor(low) + 1 if low_excluded else math.ceil(low)
        last = math.ceil(high) - 1 if high_excluded else math.floor(high)
        if first > last:
            raise UnsatisfiableSchemaError("no number lies between the bounds")
        return {"type": "integer", "minimum": first, "maximum": last}
    if low > high or (low == high and (low_excluded or high_excluded)):
        raise UnsatisfiableSchemaError("no number lies between the bounds")
    if low == high:
        return {"enum": [low]}
    return {
        "type": "number",
        "exclusiveMinimum" if low_excluded else "minimum": low,
        "exclusiveMaximum" if high_excluded else "maximum": high,
        "multipleOf": _decimal_step(high - low),
    }


def _number_bounds(schema: Mapping[str, Any]) -> tuple[float, float, bool, bool]:
    """Return the lower and the upper bound, and for each of them True if it is not itself allowed."""
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    # Draft 4 has a flag beside the bound.
    if isinstance(above, bool) or isinstance(below, bool):
        return low, high, above is True, below is True
    above = -math.inf if above is None else above
    below = math.inf if below is None else below
    return max(low, above), min(high, below), low <= above > -math.inf, high >= below < math.inf


def _fill_missing_bounds(low: float, high: float) -> tuple[float, float]:
    """Replace a missing bound by one that is a few digits away from the other."""
    if math.isinf(low) and math.isinf(high):
        return -MAX_FREE_NUMBER, MAX_FREE_NUMBER
    if math.isinf(high):
        high = 10 ** (max(5, len(str(abs(int(low))))) + 1) - 1
    if math.isinf(low):
        low = -(10 ** (max(2, len(str(abs(int(high))))) + 1)) + 1
    return max(low, -MAX_NUMBER), min(high, MAX_NUMBER)


def _list_multiples(multiple: float, low: float, high: float, *, whole: bool) -> list[float]:
    """Return the first multiples from the lower bound (or from 0) on."""
    step = Fraction(str(multiple))
    # What is larger is none of the engine's numbers, and some of it no floating-point number.
    high = min(high, MAX_NUMBER)
    if math.isinf(low):
        low = 0 if high >= 0 else high - float(step) * MAX_LISTED_MULTIPLES
    low = max(low, -MAX_NUMBER)
    first = math.ceil(Fraction(str(low)) / step)
    multiples = []
    for number in range(first, first + MAX_LISTED_MULTIPLES):
        exact = number * step
        value = float(exact) if exact.denominator > 1 else int(exact)
        # The validator divides floating-point numbers: to it, 0.3 is no multiple of 0.1.
        if low <= value <= high and (value / multiple).is_integer() and not (whole and exact.denominator > 1):
            multiples.append(value)
    return multiples


def _decimal_step(span: float) -> float:
    """Return the step that limits the decimals of numbers in a range of this size."""
    step = MAX_STEP
    while span / step < MIN_STEPS:
        step /= 10
    if step < MIN_STEP:
        raise UnsatisfiableSchemaError("the numbers have too many decimals")
    return float(step)
