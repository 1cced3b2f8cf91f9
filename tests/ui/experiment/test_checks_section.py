"""The section of the checks: each kind can be added, changed and removed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from lib.experiment.checks import check_kinds as kinds
from lib.ui.experiment.checks_section import NEW_CHECKS
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import Upstream
from tests.ui.app_test_page import AppTestPage


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    return AppTestPage(path="pages/experiment.py").click("section-checks-head")


def checks(page: AppTestPage) -> tuple[kinds.Check, ...]:
    """Return the checks of the plan that the page shows."""
    id = page.test.session_state["experiment"]
    experiment = registry().store.experiments.load(LOCAL_OWNER, id)
    assert experiment is not None
    return experiment.plan.checks


def test_each_kind_is_added_changed_and_removed(page: AppTestPage) -> None:
    for new in NEW_CHECKS:
        page.choose("check-add", new)
    page.choose("check-equals-ignore_case-0", False)
    page.choose("check-contains-text-1", "yes")
    page.choose("check-contains-absent-1", True)
    page.choose("check-matches-pattern-2", "^yes$")
    page.choose("check-numberwithin-least-3", 1.5)
    page.choose("check-numberwithin-tolerance-3", 2.0)
    page.choose("check-matchesschema-own-5", True)
    page.choose("check-length-most-6", 9).choose("check-length-unit-6", kinds.LengthUnit.LINES)
    page.choose("check-judge-criterion-7", "Is it polite?")
    expected = (
        kinds.Equals(ignore_case=False),
        kinds.Contains("yes", absent=True),
        kinds.Matches("^yes$"),
        kinds.NumberWithin(least=Decimal("1.5"), tolerance=Decimal(2)),
        kinds.ValidJson(),
        kinds.MatchesSchema("{}"),
        kinds.Length(kinds.LengthUnit.LINES, most=9),
        kinds.Judge("Is it polite?"),
    )
    assert checks(page) == expected
    page.click("check-remove-0")
    assert checks(page) == expected[1:]
    assert "Check 1 was removed." in page.text()
    page.click("undo-checks")
    assert checks(page) == expected
