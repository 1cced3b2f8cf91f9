"""The kinds of checks, as values, and the outcome of a check."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from lib.model.usage import Usage

EXPECTED_TEMPLATE = "{{expected}}"  # replaced by the row's expected answer


@dataclass(frozen=True)
class Equals:
    """Pass if the whole answer is ``text``, which may hold ``{{variables}}``. Surrounding white space does
    not count.
    """

    text: str = EXPECTED_TEMPLATE
    ignore_case: bool = True


@dataclass(frozen=True)
class Contains:
    """Pass if ``text`` occurs in the answer; with ``absent``, if it does not."""

    text: str = EXPECTED_TEMPLATE
    ignore_case: bool = True
    absent: bool = False


@dataclass(frozen=True)
class Matches:
    """Pass if the regular expression is found anywhere in the answer."""

    pattern: str


@dataclass(frozen=True)
class NumberWithin:
    """Pass if the answer's last number is within the bounds (None: open).

    With ``around`` the bounds are that number plus and minus ``tolerance``.
    """

    least: Decimal | None = None
    most: Decimal | None = None
    around: str = ""  # a number, or a template for one, such as {{expected}}
    tolerance: Decimal = Decimal(0)


@dataclass(frozen=True)
class ValidJson:
    """Pass if the answer is JSON and nothing else."""


@dataclass(frozen=True)
class MatchesSchema:
    """Pass if the answer is JSON that fits ``schema``, a JSON text; None stands for the schema in the request."""

    schema: str | None = None


class LengthUnit(Enum):
    CHARACTERS = "characters"
    WORDS = "words"
    LINES = "lines"
    TOKENS = "tokens"  # as the service counted them


@dataclass(frozen=True)
class Length:
    """Pass if the answer has at least ``least`` and at most ``most`` units."""

    unit: LengthUnit = LengthUnit.WORDS
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Judge:
    """Pass if a language model on the same backend answers yes to ``criterion``, which may hold ``{{variables}}``."""

    criterion: str


Check = Equals | Contains | Matches | NumberWithin | ValidJson | MatchesSchema | Length | Judge


@dataclass(frozen=True)
class CheckOutcome:
    """The outcome of one check of one answer: ``reason`` is one line, ``passed`` is None if the check cannot
    tell.

    ``usage`` holds the tokens that a judge took, None if no request was made.
    """

    passed: bool | None
    reason: str = ""
    usage: Usage | None = None
