"""How many columns there are: added one by one, or one for each of the values typed in one box."""

from __future__ import annotations

import pytest

from lib.ui.compare.comparison_tab import VALUES_KEY
from tests.page.upstream import Upstream
from tests.ui.app_test_page import AppTestPage


@pytest.fixture
def page(upstream: Upstream) -> AppTestPage:
    return AppTestPage(path="pages/compare.py")


def test_four_temperatures_with_one_input(page: AppTestPage, upstream: Upstream) -> None:
    page.choose(page.by_keys("^system-")[0].key, "Be brief.").choose(VALUES_KEY, "0, 0.5, off, 1.5")
    assert [head.key for head in page.by_keys("^head-")] == ["head-A", "head-B", "head-C", "head-D"]
    page.test.chat_input[0].set_value("Why?")
    page.run()
    sent = [request.body for request in upstream.requests]
    assert sorted(str(body.get("temperature")) for body in sent) == ["0.0", "0.5", "1.5", "None"]
    assert all(body["messages"][0]["content"] == "Be brief." for body in sent)
    assert not page.has_key(VALUES_KEY), "the columns have answers now"


def test_fewer_values_remove_columns(page: AppTestPage) -> None:
    page.choose(VALUES_KEY, "0, 0.5, 1").choose(VALUES_KEY, "0, 2")
    assert len(page.by_keys("^head-")) == 2


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [("7", "must be between 0 and 5"), ("1", "1 values"), ("0 to 5 step 1", "6 values")],
)
def test_values_that_do_not_fit_change_nothing(page: AppTestPage, typed: str, complaint: str) -> None:
    page.choose(VALUES_KEY, typed)
    assert any(complaint in error for error in page.errors())
    assert len(page.by_keys("^head-")) == 2


def test_columns_are_added_up_to_the_maximum(page: AppTestPage, upstream: Upstream) -> None:
    page.choose(page.by_keys("^system-")[0].key, "Be brief.")
    # Column B is copied: it is the last one.
    page.click("add-column")
    assert [head.key for head in page.by_keys("^head-")] == ["head-A", "head-B", "head-C"]
    page.test.chat_input[0].set_value("Why?")
    page.run()
    page.click("add-column")
    assert [head.key for head in page.by_keys("^head-")] == ["head-A", "head-B", "head-C", "head-D"]
    assert not page.has_key("add-column"), "there is room for no other"
    assert len(upstream.requests) == 3
    page.test.chat_input[0].set_value("And then?")
    page.run()
    sent = [request.body["messages"] for request in upstream.requests[3:]]
    assert [message["content"] for message in sent[-1] if message["role"] == "user"] == ["Why?", "And then?"]
    assert len(sent) == 4
    assert sum(messages[0]["content"] == "Be brief." for messages in sent) == 1


def test_a_removed_column_makes_room_for_another(page: AppTestPage) -> None:
    page.click("add-column").click("add-column")
    page.choose(page.by_keys("^column-menu-")[0].key, "Remove")
    page.click("add-column")
    assert [head.key for head in page.by_keys("^head-")] == ["head-B", "head-C", "head-D", "head-A"]
