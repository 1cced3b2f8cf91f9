"""Checks: what an answer is judged by, as values, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from lib.model.usage import Usage

EXPECTED_TEMPLATE = "{{expected}}"  # in a check's text: what the input's row says is hoped for


@dataclass(frozen=True)
class Equals:
    """The whole answer is that text. Spaces around it do not count; ``text`` may hold ``{{variables}}``."""

    text: str = EXPECTED_TEMPLATE
    ignore_case: bool = True


@dataclass(frozen=True)
class Contains:
    """That text is in the answer; ``absent``: it is not."""

    text: str = EXPECTED_TEMPLATE
    ignore_case: bool = True
    absent: bool = False


@dataclass(frozen=True)
class Matches:
    """A regular expression is found in the answer."""

    pattern: str


@dataclass(frozen=True)
class NumberWithin:
    """The answer's last number is within these bounds (None: open), or, with ``around``, that near to that number."""

    least: Decimal | None = None
    most: Decimal | None = None
    around: str = ""  # a number, or a template that gives one, such as {{expected}}
    tolerance: Decimal = Decimal(0)


@dataclass(frozen=True)
class ValidJson:
    """The answer is JSON, with nothing around it."""


@dataclass(frozen=True)
class MatchesSchema:
    """The answer is JSON that fits the schema, as JSON text; None: the schema that the request itself carried."""

    schema: str | None = None


class LengthUnit(Enum):
    CHARACTERS = "characters"
    WORDS = "words"
    LINES = "lines"
    TOKENS = "tokens"  # as the service counted them


@dataclass(frozen=True)
class Length:
    """So many ``unit``s at least and at most: "characters", "words", "lines", or "tokens" as they were counted."""

    unit: LengthUnit = LengthUnit.WORDS
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Judge:
    """A language model on the same backend says yes or no. ``criterion`` is the question, with ``{{variables}}``."""

    criterion: str


Check = Equals | Contains | Matches | NumberWithin | ValidJson | MatchesSchema | Length | Judge


@dataclass(frozen=True)
class CheckOutcome:
    """What one check says of one answer. ``passed`` is None where it could not say; ``reason`` in one line.

    ``usage`` is what it took to find out, None where nothing was asked.
    """

    passed: bool | None
    reason: str = ""
    usage: Usage | None = None
