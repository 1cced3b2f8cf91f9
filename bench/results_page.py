"""Measures what 10,000 answers cost the results page of an experiment, against 100.

In the browser, from a click until its outcome is visible: a row is opened, the order reversed, the answers
searched, the overview drawn. Both sizes alternate in one server; median and 95th percentile in milliseconds. Exits
with 1 if the ratio of a median is above the target. Run: .venv/bin/python -m bench.results_page
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Browser, Page, sync_playwright

from tests.page.app_process import AppProcess
from tests.page.browser_tab import DESKTOP, FIRST_DRAW_TIMEOUT, BrowserTab, launch_chromium

BENCH = Path(__file__).resolve().parent.parent / "tests" / "page" / "result_bench.py"
FEW, MANY = 100, 10_000
TARGET = 2.0
WHAT = ("open a row", "the next one", "sort", "search", "all again", "overview")
WORDS = ("france", "italy", "japan", "peru")


class ResultsTab(BrowserTab):
    """A tab on the results of that many answers."""

    def __init__(self, page: Page, url: str, cells: int) -> None:
        super().__init__(page, url)
        self.open(f"/?show=whole&cells={cells}")
        self.wait_until("the results", lambda: self.by_key("results-section").count(), FIRST_DRAW_TIMEOUT)
        self.open_section("Answers")
        self.times: dict[str, list[float]] = {what: [] for what in WHAT}

    def open_section(self, section: str) -> None:
        self.wait_until_idle()
        self.by_key("results-section").get_by_role("radio", name=section, exact=True).click()
        self.wait_until_idle()

    def time_action(self, what: str, act: Callable[[], object], sign: str) -> None:
        """Note the seconds from the action until that JavaScript gives another value than before, and not null."""
        self.wait_until_idle()
        self.page.wait_for_timeout(200)
        before = self.page.evaluate(sign)
        begun = time.monotonic()
        act()
        self.page.wait_for_function(
            f"before => {{ const now = {sign}; return now !== before && now != null }}",
            arg=before,
            polling="raf",
        )
        self.times[what].append(time.monotonic() - begun)

    def run_round(self, number: int) -> None:
        """Time each action once."""
        row, word = number % 8, WORDS[number % len(WORDS)]
        self.wait_until_idle()
        table = self.page.get_by_test_id("stDataFrame")
        table.evaluate("table => table.scrollIntoView({block: 'center'})")  # the page may have moved
        box = table.bounding_box()
        assert box is not None
        at = (box["x"] + 90, box["y"] + 36 * (row + 1) + 18)
        opened = "document.querySelector('.st-key-results-opened [data-testid=stMarkdown]')?.innerText"
        caption = "document.querySelector('.st-key-results-pages')?.innerText"
        first = "document.querySelector('[data-testid=stDataFrame] [data-testid=glide-cell-1-0]')?.innerText"
        search = self.page.get_by_placeholder("Search in answers")

        def find() -> None:
            search.fill(word)
            search.press("Enter")

        self.time_action("open a row", lambda: self.page.mouse.click(*at), opened)
        self.time_action("the next one", lambda: self.page.keyboard.press("Alt+ArrowDown"), opened)
        self.time_action("sort", self.by_key("results-turn").locator("button").first.click, first)
        self.time_action("search", find, caption)
        self.time_action("all again", self.button("Show all").click, caption)
        radio = self.by_key("results-section").get_by_role("radio", name="Overview", exact=True)
        self.time_action("overview", radio.click, "document.querySelector('table.heat')?.innerText")
        self.open_section("Answers")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=20, help="of each action (default 20)")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paddock-bench-")))
        app = stack.enter_context(AppProcess({}, folder / "log", BENCH))
        browser: Browser = stack.enter_context(launch_chromium(stack.enter_context(sync_playwright())))
        tabs = {
            count: ResultsTab(browser.new_page(viewport=DESKTOP), app.url, count) for count in (FEW, MANY)
        }
        for number in range(arguments.times + 1):
            for tab in tabs.values():
                tab.page.bring_to_front()
                tab.run_round(number)
    good = True
    print(f"{'ms':16}{FEW:>8}{'p95':>8}{MANY:>10,}{'p95':>8}{'ratio':>8}")
    for what in WHAT:
        figures = []
        for count in (FEW, MANY):
            times = [1000 * one for one in tabs[count].times[what][1:]]  # the first is the slowest
            figures += [median(times), quantiles(times, n=20)[-1]]
        ratio = figures[2] / figures[0]
        good = good and ratio <= TARGET
        print(f"{what:16}{figures[0]:8.0f}{figures[1]:8.0f}{figures[2]:10.0f}{figures[3]:8.0f}{ratio:8.2f}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
