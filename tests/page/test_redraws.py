"""Redraws: fragments and whole pages are drawn once, in their place, even on a busy machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.page.app_process import AppProcess
from tests.page.browser_tab import BrowserTab
from tests.page.conftest import StartApp, Visit

BENCH = Path(__file__).with_name("redraw_bench.py")


@pytest.fixture(scope="module")
def bench(own: StartApp) -> AppProcess:
    return own(BENCH)


@pytest.fixture
def tab(visit: Visit, bench: AppProcess, expected: list[str]) -> BrowserTab:
    # The fonts are beside app.py, not beside the test page.
    expected.append("404")
    tab = visit(bench.url)
    tab.wait_until_idle()
    return tab


def turn(tab: BrowserTab) -> int:
    return int(tab.by_key("place").get_by_text("Turn").inner_text().removeprefix("Turn "))


def page_runs(tab: BrowserTab) -> int:
    """Return how often the whole page was drawn."""
    return int(tab.by_key("runs").get_by_text("Run").inner_text().removeprefix("Run "))


def test_a_click_just_after_a_fragment_draws_the_page_where_it_is(tab: BrowserTab) -> None:
    for _ in range(3):
        before, runs = turn(tab), page_runs(tab)
        tab.button("Part").click()
        tab.wait_until("the fragment is drawn", lambda before=before: turn(tab) > before)
        # The click arrives before the server asks for more work.
        tab.button("Whole").click()
        tab.wait_until("all is drawn", lambda runs=runs: page_runs(tab) == runs + 1)
        tab.wait_until_idle()
        assert tab.by_key("place").count() == 1
        assert tab.by_key("place").locator(".st-key-place, .st-key-outside").count() == 0
        assert tab.page.get_by_role("button", name="Whole").count() == 1


def test_a_pulse_beats_once_however_often_the_page_was_drawn_meanwhile(tab: BrowserTab) -> None:
    for _ in range(6):
        before = turn(tab)
        tab.button("Whole").click()
        tab.wait_until("it is drawn", lambda before=before: turn(tab) > before)
    tab.wait_until_idle()
    first_turn, first_count = turn(tab), tab.message_count
    tab.wait_until("a beat", lambda: turn(tab) > first_turn)
    tab.wait_until("another", lambda: turn(tab) > first_turn + 1)
    tab.wait_until_idle()
    assert (turn(tab) - first_turn, tab.message_count - first_count) == (2, 2)
