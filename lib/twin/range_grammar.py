"""Ranges of numbers as alternatives of a grammar: each alternative matches numbers inside the bounds only."""

from __future__ import annotations

import math
from fractions import Fraction

MAX_DIGITS = 30  # longer bounds are beyond what a model could mean
MAX_LISTED_NUMBERS = 200  # alternatives, where numbers are listed one by one
FRACTION_RULE = '("." [0-9]{1,3})?'


def integer_alternatives(
    low: float, high: float, out_low: bool, out_high: bool, multiple: float | None
) -> list[str]:
    """Whole numbers between the bounds; ``out_low`` and ``out_high``: the bound itself is not among them.

    Empty if there are none. Of a range without an end, a part.
    """
    if multiple:
        return _listed(low, high, out_low, out_high, Fraction(str(multiple)), multiple, whole=True)
    if math.isinf(low) and math.isinf(high):
        return ['"-"? ("0" | [1-9] [0-9]{0,8})']
    first, last = _closed(low, high)
    first, last = math.ceil(first), math.floor(last)
    first, last = first + (out_low and first == low), last - (out_high and last == high)
    found = [f'"-" {part}' for part in _span(max(1, -last), -first)]
    return found + _span(max(0, first), last)


def decimal_alternatives(
    low: float, high: float, out_low: bool, out_high: bool, multiple: float | None
) -> list[str]:
    """Numbers between the bounds, with a few decimals; as ``integers``."""
    if multiple:
        return _listed(low, high, out_low, out_high, Fraction(str(multiple)), multiple, whole=False)
    if math.isinf(low) and math.isinf(high):
        return ['"-"? ("0" | [1-9] [0-9]{0,8}) ("." [0-9]{1,4})?']
    start, end = _closed(low, high)
    if end - start < 10 and (start != int(start) or end != int(end) or end - start < 1):
        step = Fraction(1)
        while (end - start) / step < MAX_LISTED_NUMBERS / 10 and step > Fraction(1, 10**8):
            step /= 10
        return _listed(start, end, out_low, out_high, step, None, whole=False)
    # Between two whole numbers every fraction is inside; the last whole number stands alone.
    below = _upward(max(0.0, -end), -start, out_high, out_low) if start < 0 else []
    return [f'"-" {part}' for part in below] + _upward(max(0.0, start), end, out_low and start >= 0, out_high)


def _upward(low: float, high: float, out_low: bool, out_high: bool) -> list[str]:
    if high < 0 or low > high:
        return []
    first, last = math.ceil(low), math.floor(high)
    found = []
    if out_low and first == low:
        if first < last:
            found.append(f'"{first}." [0-9]{{0,2}} [1-9]')
        first += 1
    found += [f"{part} {FRACTION_RULE}" for part in _span(first, last - 1)]
    if first <= last and not (out_high and last == high):
        found.append(f'"{last}"')
    return found


def _closed(low: float, high: float) -> tuple[float, float]:
    """Two bounds: the missing one some digits away from the other."""
    if math.isinf(high):
        high = 10 ** (max(5, len(str(abs(int(low))))) + 1) - 1
    if math.isinf(low):
        low = -(10 ** (max(2, len(str(abs(int(high))))) + 1)) + 1
    return low, high


def _listed(
    low: float,
    high: float,
    out_low: bool,
    out_high: bool,
    step: Fraction,
    multiple: float | None,
    *,
    whole: bool,
) -> list[str]:
    """Multiples of the step one by one, from the lower bound (or from 0) on."""
    if math.isinf(low):
        low = 0.0 if high >= 0 else high - float(step) * MAX_LISTED_NUMBERS
    found = []
    start = math.ceil(Fraction(str(low)) / step)
    for number in range(start, start + MAX_LISTED_NUMBERS):
        value = number * step
        exact = float(value) if value.denominator > 1 else int(value)
        if exact > high:
            break
        inside = not (out_low and exact == low) and not (out_high and exact == high)
        # The validator divides floating-point numbers: 0.3 is no multiple of 0.1 to it.
        divides = multiple is None or (exact / multiple).is_integer()
        if (
            inside
            and exact >= low
            and divides
            and not (whole and value.denominator > 1)
            and "e" not in str(exact)
        ):
            found.append(f'"{exact}"')
    return found


def _span(first: int, last: int) -> list[str]:
    """The whole numbers from first to last, none of them negative."""
    if first > last or len(str(first)) > MAX_DIGITS:
        return []
    last = min(last, 10**MAX_DIGITS - 1)
    found = []
    for length in range(len(str(first)), len(str(last)) + 1):
        least = 10 ** (length - 1) if length > 1 else 0
        found += _digits(str(max(first, least)), str(min(last, 10**length - 1)))
    return found


def _digits(low: str, high: str) -> list[str]:
    """Digit strings of one length, from low to high."""
    if not low:
        return [""]
    if low[0] == high[0]:
        return [f'"{low[0]}" {rest}'.strip() for rest in _digits(low[1:], high[1:])]
    rest, more = len(low) - 1, f"[0-9]{{{len(low) - 1}}}" if len(low) > 1 else ""
    first, last = int(low[0]), int(high[0])
    found = []
    if rest and low[1:] != "0" * rest:
        found += [f'"{first}" {tail}' for tail in _digits(low[1:], "9" * rest)]
        first += 1
    tail_end = []
    if rest and high[1:] != "9" * rest:
        tail_end = [f'"{last}" {tail}' for tail in _digits("0" * rest, high[1:])]
        last -= 1
    if first <= last:
        found.append(f"[{first}-{last}] {more}".strip())
    return found + tail_end
