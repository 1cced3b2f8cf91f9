"""The words for each kind of check, with long texts shortened."""

from __future__ import annotations

from decimal import Decimal

import pytest

from lib.experiment.checks.check_kinds import (
    Check,
    Contains,
    Equals,
    Judge,
    Length,
    LengthUnit,
    Matches,
    MatchesSchema,
    NumberWithin,
    ValidJson,
    check_wording,
)


@pytest.mark.parametrize(
    ("check", "name", "title", "predicate"),
    [
        (Equals(), "equals", "equals {{expected}}", "is exactly"),
        (Contains("a\n b"), "contains", "contains a b", "contains"),
        (Contains("a", absent=True), "does not contain", "does not contain a", "does not contain"),
        (Matches("^a$"), "matches a pattern", "matches ^a$", "matches the pattern"),
        (NumberWithin(), "number", "number any", "has a number"),
        (NumberWithin(Decimal(1000), None), "number", "number at least 1,000", "has a number"),
        (NumberWithin(None, Decimal("1.5")), "number", "number at most 1.5", "has a number"),
        (NumberWithin(around="{{expected}}"), "number", "number {{expected}}", "has a number"),
        (NumberWithin(around="7", tolerance=Decimal("0.5")), "number", "number 7 ± 0.5", "has a number"),
        (ValidJson(), "valid JSON", "is JSON", "is valid JSON"),
        (MatchesSchema("{}"), "fits the schema", "fits the schema", "is JSON with the right fields"),
        (Length(LengthUnit.LINES, 1, 3), "length", "1 to 3 lines", "has the right length"),
        (Judge("x" * 50), "judge", f"judge: {'x' * 39}…", "gets a yes from a language model"),
    ],
)
def test_check_wording(check: Check, name: str, title: str, predicate: str) -> None:
    wording = check_wording(check)
    assert (wording.name, wording.title, wording.predicate) == (name, title, predicate)
