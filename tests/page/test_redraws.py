"""What is drawn anew is drawn once, in its place: fragments and whole pages in turn, on a busy machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.page.app_process import Application
from tests.page.conftest import Own, Visit
from tests.page.visitor import Visitor

BENCH = Path(__file__).with_name("turns_bench.py")


@pytest.fixture(scope="module")
def bench(own: Own) -> Application:
    return own(BENCH)


@pytest.fixture
def tab(visit: Visit, bench: Application, expected: list[str]) -> Visitor:
    expected.append("404")  # the page's fonts belong to the whole application
    tab = visit(bench.url)
    tab.rest()
    return tab


def turn(tab: Visitor) -> int:
    return int(tab.key("place").get_by_text("Turn").inner_text().removeprefix("Turn "))


def test_a_click_just_after_a_fragment_draws_the_page_where_it_is(tab: Visitor) -> None:
    for _ in range(3):
        before = turn(tab)
        tab.button("Part").click()
        tab.until("the fragment is drawn", lambda before=before: turn(tab) == before + 1)
        tab.button("Whole").click()  # arrives before the server asks for more work
        tab.until("all is drawn", lambda before=before: turn(tab) == before + 2)
        tab.rest()
        assert tab.key("place").count() == 1
        assert tab.key("place").locator(".st-key-place, .st-key-outside").count() == 0
        assert tab.page.get_by_role("button", name="Whole").count() == 1


def test_a_pulse_beats_once_however_often_the_page_was_drawn_meanwhile(tab: Visitor) -> None:
    for _ in range(6):
        before = turn(tab)
        tab.button("Whole").click()
        tab.until("it is drawn", lambda before=before: turn(tab) > before)
    tab.rest()
    at, told = turn(tab), tab.told
    tab.until("a beat", lambda: turn(tab) > at)
    tab.until("another", lambda: turn(tab) > at + 1)
    tab.rest()
    assert (turn(tab) - at, tab.told - told) == (2, 2)
