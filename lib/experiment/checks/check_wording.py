"""The words for a check on the page and in files."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from lib.experiment.checks.check_kinds import (
    Check,
    Contains,
    Equals,
    Judge,
    Length,
    Matches,
    MatchesSchema,
    NumberWithin,
    ValidJson,
)

MAX_QUOTED_CHARS = 40


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
            return CheckWording("fits the schema", "fits the schema", "is JSON that fits a schema")
        case Length(unit, least, most):
            return CheckWording("length", f"{_range(least, most)} {unit.value}", "is so long")
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
