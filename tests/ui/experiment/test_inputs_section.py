"""Expected answers that no check compares with: a check is offered beside them."""

from __future__ import annotations

import pytest

from lib.experiment.checks.check_kinds import Contains, Equals
from tests.page.upstream import Upstream
from tests.ui.app_test_page import AppTestPage
from tests.ui.experiment.test_checks_section import checks


@pytest.mark.parametrize(
    ("key", "check"), [("inputs-check-equals", Equals()), ("inputs-check-contains", Contains())]
)
def test_a_check_is_offered_for_expected_answers(upstream: Upstream, key: str, check: object) -> None:
    page = AppTestPage(path="pages/experiment.py")
    page.choose("inputs-pasted", "review\texpected\nLovely\tyes\nAwful\tno").click("inputs-paste-now")
    assert page.by_key("inputs-expected").value == "expected"
    assert page.has_key(key)
    page.click(key)
    assert checks(page) == (check,)
    assert not page.has_key(key)
