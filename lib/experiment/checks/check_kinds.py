"""Checks: what an answer is judged by, as values, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

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


@dataclass(frozen=True)
class Length:
    """So many ``unit``s at least and at most: "characters", "words", "lines", or "tokens" as they were counted."""

    unit: str = "words"
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


def check_title(check: Check) -> str:
    """The check in few words, for a column's head: “equals {{expected}}”."""
    match check:
        case Equals(text):
            return f"equals {_brief(text)}"
        case Contains(text, _, absent):
            return f"{'does not contain' if absent else 'contains'} {_brief(text)}"
        case Matches(pattern):
            return f"matches {_brief(pattern)}"
        case NumberWithin(_, _, around, tolerance) if around.strip():
            return f"number {_brief(around)}" + (f" ± {tolerance:f}" if tolerance else "")
        case NumberWithin(least, most):
            return f"number {_range(least, most)}"
        case ValidJson():
            return "is JSON"
        case MatchesSchema():
            return "fits the schema"
        case Length(unit, least, most):
            return f"{_range(least, most)} {unit}"
        case Judge(criterion):
            return f"judge: {_brief(criterion)}"


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:39].rstrip()}…"


def _range(least: Decimal | int | None, most: Decimal | int | None) -> str:
    if most is None:
        return f"at least {least:,}" if least is not None else "any"
    return f"at most {most:,}" if least is None else f"{least:,} to {most:,}"
