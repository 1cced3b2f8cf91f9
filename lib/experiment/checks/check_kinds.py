"""The kinds of checks, as values, the words for them on the page and in files, and the outcome of a check."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from lib.model.usage import Usage

EXPECTED_TEMPLATE = "{{expected}}"  # replaced by the row's expected answer
MAX_QUOTED_CHARS = 40


@dataclass(frozen=True)
class Equals:
    """Pass if the whole answer but white space around it is ``text``, which may hold ``{{variables}}``."""

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
    """The outcome of one check of one answer. ``passed`` is None if the check cannot tell; ``reason`` is one line.

    ``usage`` holds the tokens that a judge took, None if no request was made.
    """

    passed: bool | None
    reason: str = ""
    usage: Usage | None = None


@dataclass(frozen=True)
class CheckWording:
    """``name`` is the kind, ``title`` also says with what, ``predicate`` continues “The answer …”."""

    name: str
    title: str
    predicate: str


def check_wording(check: Check) -> CheckWording:
    match check:
        case Equals(text):
            return CheckWording("equals", f"equals {_shorten(text)}", "is exactly")
        case Contains(text, absent=absent):
            name = "does not contain" if absent else "contains"
            return CheckWording(name, f"{name} {_shorten(text)}", name)
        case Matches(pattern):
            return CheckWording("matches a pattern", f"matches {_shorten(pattern)}", "matches the pattern")
        case NumberWithin():
            return CheckWording("number", f"number {_wanted_number(check)}", "has a number")
        case ValidJson():
            return CheckWording("valid JSON", "is JSON", "is valid JSON")
        case MatchesSchema():
            return CheckWording("fits the schema", "fits the schema", "is JSON with the right fields")
        case Length(unit, least, most):
            return CheckWording("length", f"{_range(least, most)} {unit.value}", "has the right length")
        case Judge(criterion):
            return CheckWording("judge", f"judge: {_shorten(criterion)}", "gets a yes from a language model")


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_QUOTED_CHARS else f"{line[: MAX_QUOTED_CHARS - 1].rstrip()}…"


def _wanted_number(check: NumberWithin) -> str:
    if not check.around.strip():
        return _range(check.least, check.most)
    return _shorten(check.around) + (f" ± {check.tolerance:f}" if check.tolerance else "")


def _range(least: Decimal | int | None, most: Decimal | int | None) -> str:
    if most is None:
        return f"at least {least:,}" if least is not None else "any"
    return f"at most {most:,}" if least is None else f"{least:,} to {most:,}"
