"""Time of the History page with 10,000 saved conversations and with 100: ``.venv/bin/python -m bench.history_page``.

In the browser: from the click on History until its list is seen; from Enter in the search until exactly what was
looked for is seen. Medians; a server for each number, in turn. Exit status 1 where a ratio is above the target.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from bench.history import RARE, WORDS
from tests.page import stored_conversations
from tests.page.app_process import AppProcess
from tests.page.browser_tab import DESKTOP, BrowserTab, launch_chromium
from tests.page.upstream import Upstream

FEW, MANY = 100, 10_000
COMMON = "plain"  # in all but one
TARGET = 2.0
ROWS = "[class*='st-key-entry-']"
WHAT = ("open", "search, one found", "search, nearly all found")


def fill_database(app: AppProcess, count: int) -> None:
    """Save ``count`` conversations of six messages."""
    with stored_conversations.open_store(app) as store:
        for number in range(count):
            word = WORDS[number % len(WORDS)]
            rare = RARE if number == count // 2 else COMMON
            stored_conversations.save_conversation(
                store,
                stored_conversations.make_conversation(
                    3, f"Number {number}, {{}}: {word}", f"A {rare} {word}. " + "text " * 40
                ),
            )


def measure_visit(browser: Browser, app: AppProcess, count: int) -> tuple[float, ...]:
    """Return the seconds to open the page, to find one conversation and to find many."""
    with browser.new_context(viewport=DESKTOP) as context:
        tab = BrowserTab(context.new_page(), app.url).open()
        tab.wait_until_idle()
        rows, search = tab.page.locator(ROWS), tab.page.get_by_label("Search")

        def timed(act: str, what: int, sign: str) -> float:
            begun = time.monotonic()
            if act == "open":
                tab.go_to_page("History")
            else:
                search.fill(act)
                search.press("Enter")
            tab.wait_until(act, lambda: rows.count() == what and sign in rows.first.inner_text())
            taken = time.monotonic() - begun
            tab.wait_until_idle()
            return taken

        opened = timed("open", 25, f"Number {count - 1},")
        rare = timed(RARE, 1, f"Number {count // 2},")
        many = timed(COMMON, 25, f"Number {count - 1},")
        tab.page.close()
    return opened, rare, many


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=9, help="of each number (default 9)")
    arguments = parser.parse_args()
    upstream = Upstream()
    found: dict[int, list[tuple[float, ...]]] = {FEW: [], MANY: []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paddock-bench-")))
        apps = {}
        for count in found:
            app = stack.enter_context(AppProcess(upstream.environment(), folder / f"log{count}"))
            fill_database(app, count)
            apps[count] = app
        browser = stack.enter_context(launch_chromium(stack.enter_context(sync_playwright())))
        for number in range(arguments.times + 1):
            for count, app in apps.items():
                figures = measure_visit(browser, app, count)
                if number:  # the first page of a server is the slowest
                    found[count].append(figures)
    upstream.close()
    good = True
    print(f"{'seconds':26}{FEW:>10}{MANY:>10,}{'ratio':>8}")
    for number, what in enumerate(WHAT):
        few, many = (median(figures[number] for figures in found[count]) for count in (FEW, MANY))
        good = good and many / few <= TARGET
        print(f"{what:26}{few:10.3f}{many:10.3f}{many / few:8.2f}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
