"""Numbers in a text, read exactly and in the notations that people use."""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation

MAX_DIGITS = 400
_MAX_EXPONENT = 2_000  # nobody means larger powers of ten, and exact sums with them take too long

# A minus sign belongs to the number unless it could be a subtraction or a hyphen: 5-3, 2026-11-26.
_TOKEN = re.compile(
    r"(?<![\d.,])(?P<sign>(?<![\w)\]])[-+−])?"
    r"(?P<digits>\d(?:[\d.,'’_\u00a0\u2009\u202f]*\d)?|\.\d+)(?P<power>[eE][-+]?\d{1,6}(?!\w))?"
)
_GROUPS = re.compile(r"\d{1,3}(?P<mark>[.,'’_\u00a0\u2009\u202f])\d{3}(?:(?P=mark)\d{3})*")
EXACT_CONTEXT = Context(prec=3 * _MAX_EXPONENT, Emin=MIN_EMIN, Emax=MAX_EMAX)


def last_number(text: str) -> Decimal | None:
    """Return the last number in the text, None if there is none.

    Thousands: ``1,234.5``, ``1.234,5``, ``1 234,5`` with a no-break space, ``1'234``, ``1_234``. Decimals:
    ``3,14``, ``3.14``. A single group of three is ambiguous: ``1.234`` is read as a decimal, ``1,234`` as
    thousands. Per cent signs and units are ignored.
    """
    tokens = list(_TOKEN.finditer(text))
    if not tokens:
        return None
    token = tokens[-1]
    sign = "-" if token["sign"] in ("-", "−") else ""
    digits = _normalise_digits(token["digits"])
    if len(digits) > MAX_DIGITS:
        return None
    try:
        number = Decimal(sign + digits + (token["power"] or ""))
    except InvalidOperation:
        return None
    return number if is_comparable(number) else None


def is_comparable(number: Decimal) -> bool:
    """Return True if exact arithmetic with the number is possible: it is finite and of a sensible magnitude."""
    if not number.is_finite():
        return False
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_MAX_EXPONENT and number.adjusted() <= _MAX_EXPONENT


def are_comparable(*numbers: Decimal | None) -> bool:
    """Return True if exact arithmetic with all numbers that are not None is possible."""
    return all(is_comparable(number) for number in numbers if number is not None)


def _normalise_digits(digits: str) -> str:
    """Write the digits as Decimal reads them. Of digits such as 26.11.2026, take the last part."""
    for point in ".", ",":
        whole, mark, rest = digits.rpartition(point)
        if mark and rest.isdigit() and (grouped := _GROUPS.fullmatch(whole)) and grouped["mark"] != point:
            return f"{_only_digits(whole)}.{rest}"
    if (grouped := _GROUPS.fullmatch(digits)) and (grouped["mark"] != "." or digits.count(".") > 1):
        return _only_digits(digits)
    if re.fullmatch(r"\d*[.,]\d+", digits):
        return digits.replace(",", ".")
    return re.split(r"\D", digits)[-1]


def _only_digits(digits: str) -> str:
    return re.sub(r"\D", "", digits)
