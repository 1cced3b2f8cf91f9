"""A swept axis as text, ``0, 0.5, 1`` or ``0 to 1 step 0.25``, parsed and written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from lib.errors import BadInput
from lib.experiment.plan import Axis
from lib.experiment.plan_grid import format_value
from lib.model.model_record import Number, Parameter
from lib.model.schema_reader import ParameterKind
from lib.model.settings import check_parameter_value

MAX_AXIS_VALUES = 1000

_NUMBER = r"[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})"
_RANGE = re.compile(rf"({_NUMBER})\s*(?:to|\.\.\.?|…|–)\s*({_NUMBER})(?:\s*(?:step|by)\s*({_NUMBER}))?", re.I)
_UNSENT = re.compile(r"not\s+sent|unsent|off|-|—|–", re.I)
_ADVICE = "Write values with commas between them, such as 0, 0.5, 1, or a range, such as 0 to 1 step 0.25."


def parse_axis(parameter: Parameter, text: str) -> Axis:
    """Parse the values in the text, as exact decimals; ``not sent`` leaves the parameter out of the request.

    Raise BadInput for a value that cannot be read, is out of the parameter's bounds, or occurs twice.
    """
    values: list[Number | None] = []
    for part in _split_values(text):
        if part.strip():
            values += _parse_values(parameter, part.strip())
        if len(values) > MAX_AXIS_VALUES:
            raise _too_many_values(parameter, len(values))
    if not values:
        raise BadInput(f"{parameter.label} has no values to try.", advice=_ADVICE)
    for number, value in enumerate(values):
        if value in values[:number]:
            raise BadInput(
                f"{parameter.label} has {format_value(value)} twice.",
                advice="Remove one of them. To ask several times, use repetitions.",
            )
    return Axis(parameter.name, tuple(values))


def _split_values(text: str) -> list[str]:
    """Split the text into values. With semicolons between them, a comma within a number is a decimal one: 0,5; 1."""
    if ";" in text:
        text = re.sub(r"(?<![\d.,])(\d+),(?=\d+(?![\d.,]))", r"\1.", text)
    return re.split(r"[,;\n]", text)


def _parse_values(parameter: Parameter, part: str) -> Iterator[Number | None]:
    if _UNSENT.fullmatch(part):
        yield None
    elif match := _RANGE.fullmatch(part):
        start, end, step = match.groups()
        yield from _range(parameter, part, Decimal(start), Decimal(end), Decimal(step) if step else None)
    elif re.fullmatch(_NUMBER, part):
        yield _value(parameter, Decimal(part))
    else:
        raise BadInput(f"“{part[:40]}” is not a value for {parameter.label}.", advice=_ADVICE)


def _range(
    parameter: Parameter, part: str, start: Decimal, end: Decimal, step: Decimal | None
) -> Iterator[Number]:
    if step is None:
        if parameter.kind is not ParameterKind.INTEGER:
            raise BadInput(f"“{part}” has no step.", advice=f"Write {part} step 0.1, for example.")
        step = Decimal(1)
    if step == 0:
        raise BadInput(f"“{part}” has a step of zero and would never end.", advice="Write a step above 0.")
    step = abs(step) if start <= end else -abs(step)
    steps = int((end - start) / step)
    if steps >= MAX_AXIS_VALUES:
        raise _too_many_values(parameter, steps + 1)
    yield from (_value(parameter, start + step * number) for number in range(steps + 1))


def _too_many_values(parameter: Parameter, count: int) -> BadInput:
    return BadInput(
        f"{parameter.label} has {count:,} values, more than {MAX_AXIS_VALUES:,}.", advice="Use a larger step."
    )


def _value(parameter: Parameter, value: Decimal) -> Number:
    number: Number = int(value) if value == value.to_integral_value() else float(value)
    check_parameter_value(parameter, number)
    return parameter.cast(number)


def format_axis(axis: Axis) -> str:
    """Write the axis as it can be typed: a range if it has four or more values in even steps, otherwise a list."""
    numbers = [Decimal(format_value(value)) for value in axis.values if value is not None]
    if len(numbers) == len(axis.values) >= 4:
        first, last, step = axis.values[0], axis.values[-1], numbers[1] - numbers[0]
        if step > 0 and all(after - before == step for before, after in pairwise(numbers)):
            return f"{format_value(first)} to {format_value(last)} step {step.normalize():f}"
    return ", ".join(format_value(value) for value in axis.values)
