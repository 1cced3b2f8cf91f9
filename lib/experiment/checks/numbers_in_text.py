"""Numbers in a text, read exactly and in the notations that people use."""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, InvalidOperation

MAX_DIGITS = 400
_MAX_EXPONENT = 2_000  # nobody means larger powers of ten, and exact sums with them take too long

# A minus sign belongs to the number unless it could be a subtraction or a hyphen: 5-3, 2026-11-26. Plain spaces
# group thousands unless the first group ends a date or a time: 2026-11-26 100, 10:30 120. The point of No.5 is not a
# decimal point.
_TOKEN = re.compile(
    r"(?P<sign>(?<![\w)\]])[-+−])?"
    r"(?P<digits>(?<!\d[:/.,])(?<!\d-\d\d-)(?!0)\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?![.,'’]?\d)"
    r"|\d(?:[\d.,'’_\u00a0\u2009\u202f]*\d)?|(?<![\w)\].])\.\d+)"
    r"(?P<power>[eE][-+]?\d{1,6}(?!\w))?"
)
# No group of thousands begins with 0: 0,125 is a decimal. India has groups of two: 12,34,567.
_GROUPS = re.compile(
    r"(?!0)(?:\d{1,3}(?P<mark>[.,'’_ \u00a0\u2009\u202f])\d{3}(?:(?P=mark)\d{3})*|\d{1,2}(?:,\d{2})+,\d{3})"
)
_ARABIC_MARKS = str.maketrans({"٫": ".", "٬": ","})
EXACT_CONTEXT = Context(prec=3 * _MAX_EXPONENT, Emin=MIN_EMIN, Emax=MAX_EMAX)


def last_number(text: str) -> Decimal | None:
    """Return the last number in the text, None if there is none.

    Thousands: ``1,234.5``, ``1.234,5``, ``1 234,5`` with a no-break space, ``1 234`` with a plain one, ``1'234``,
    ``1_234``, ``12,34,567``. Decimals: ``3,14``, ``3.14``, ``0,125``. A single group of three is ambiguous:
    ``1.234`` is read as a decimal, ``1,234`` as thousands. Per cent signs and units are ignored.
    """
    tokens = list(_TOKEN.finditer(text.translate(_ARABIC_MARKS)))
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
        if mark and rest.isdigit() and _group_mark(whole) not in (None, point):
            return f"{_only_digits(whole)}.{rest}"
    grouped_by = _group_mark(digits)
    if grouped_by is not None and (grouped_by != "." or digits.count(".") > 1):
        return _only_digits(digits)
    if re.fullmatch(r"\d*[.,]\d+", digits):
        return digits.replace(",", ".")
    return re.split(r"\D", digits)[-1]


def _group_mark(digits: str) -> str | None:
    """Return the mark between groups of thousands, None if the digits are not such groups."""
    grouped = _GROUPS.fullmatch(digits)
    return None if grouped is None else grouped["mark"] or ","


def _only_digits(digits: str) -> str:
    return re.sub(r"\D", "", digits)
