"""Measures the lag of the columns of a comparison: four at 100 tokens a second each, against one answer in the chat.

Each token is a numbered word that the tests' upstream sends at a known time; in every frame the browser notes the
last word of each column. The lag of a word is the time from its sending to the first frame that shows it or a later
one. Prints median, 95th percentile and maximum of each column; the two alternate. Exits with 1 if a column starves:
if its 95th percentile is more than TARGET times that of the fastest column. Run: .venv/bin/python -m
bench.compare_lag
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import string
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from playwright.sync_api import Browser, sync_playwright

from tests.page.app_process import AppProcess
from tests.page.browser_tab import DESKTOP, BrowserTab, launch_chromium
from tests.page.upstream import Upstream, UpstreamHandler, UpstreamRequest

COLUMNS, TOKENS, RATE = 4, 1_000, 100.0
TARGET = 1.5  # the worst column's 95th percentile over the best one's; above it the column starves
NAMES = string.ascii_lowercase

# Notes the last word of each column when it changes. Browser and upstream share the machine's clock.
WATCH = """() => {
    const last = {}
    window.seen = []
    const look = () => {
        const places = document.querySelectorAll("[class*='st-key-cell-'], [class*='st-key-assistant-']")
        for (const place of places) {
            const found = /([a-z])(\\d{4})(?!.*[a-z]\\d{4})/s.exec(place.textContent.slice(-400))
                || [...place.textContent.matchAll(/([a-z])(\\d{4})/g)].pop()
            if (found && last[found[1]] !== found[2]) {
                last[found[1]] = found[2]
                window.seen.push([Date.now() / 1000, found[1], Number(found[2])])
            }
        }
        requestAnimationFrame(look)
    }
    look()
}"""


class NumberedStream:
    """A native stream of numbered words, and the time at which each was sent."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[float] = []

    def __call__(self, handler: UpstreamHandler, asked: UpstreamRequest) -> None:
        handler.send_head(200, "text/event-stream")
        chance, begun = random.Random(1), time.monotonic()
        for number in range(TOKENS):
            self.sent.append(time.time())
            end = "\n\n" if number % 40 == 39 else " "
            handler.send_event({"response": f"{self.name}{number:04d}{end}"}, chance)
            if (ahead := (number + 1) / RATE - (time.monotonic() - begun)) > 0:
                handler.pause(ahead)
        counts = {"prompt_tokens": 21, "completion_tokens": TOKENS, "total_tokens": 21 + TOKENS}
        handler.send_event({"response": "", "usage": counts}, chance)
        handler.write(b"data: [DONE]\n\n")


def measure(browser: Browser, app: AppProcess, upstream: Upstream, columns: int) -> list[list[float]]:
    """Return the lag of every word, by column. One column is an answer in the chat."""
    upstream.reset()
    streams = [NumberedStream(name) for name in NAMES[:columns]]
    upstream.plan_replies(*streams)
    with browser.new_context(viewport=DESKTOP) as context:  # type: ignore[arg-type]
        tab = BrowserTab(context.new_page(), app.url).open()
        if columns > 1:
            tab.go_to_page("Compare")
            for name in string.ascii_uppercase[1:columns]:
                if tab.by_key(f"head-{name}").count() == 0 and name != "B":
                    tab.wait_until_idle()
                    tab.by_key("head-A").locator("[class*='st-key-column-menu-'] button").first.click()
                    tab.page.get_by_role("menuitem", name="Duplicate", exact=True).click()
                tab.by_key(f"head-{name}").wait_for()
        tab.page.wait_for_timeout(1500)
        tab.wait_until_idle()
        tab.page.evaluate(WATCH)
        tab.send("Go")
        last = f"() => window.seen.filter(one => one[2] === {TOKENS - 1}).length >= {columns}"
        tab.page.wait_for_function(last, timeout=180_000)
        seen = tab.page.evaluate("window.seen")
    return [list(_lags(stream, seen)) for stream in streams]


def _lags(stream: NumberedStream, seen: list[tuple[float, str, int]]) -> Iterator[float]:
    mine = [(when, number) for when, name, number in seen if name == stream.name]
    at = 0
    for number, sent in enumerate(stream.sent):
        while at < len(mine) and mine[at][1] < number:
            at += 1
        if at == len(mine):
            raise SystemExit(f"word {number} of {stream.name} was never seen")
        yield mine[at][0] - sent


def p95(lags: list[float]) -> float:
    return quantiles(lags, n=20)[-1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2)
    rounds = parser.parse_args().rounds
    upstream = Upstream()
    worst: dict[int, list[float]] = {1: [], COLUMNS: []}
    uneven: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="paddock-bench-") as folder,
        sync_playwright() as playwright,
        AppProcess(upstream.environment(), Path(folder) / "log") as app,
        launch_chromium(playwright) as browser,
    ):
        print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, Chromium {browser.version}")
        print(
            f"{TOKENS:,} tokens at {RATE:.0f}/s in each column; lag in ms: median, p95, longest",
            flush=True,
        )
        for number, columns in itertools.product(range(rounds), worst):
            found = measure(browser, app, upstream, columns)
            for name, lags in zip(NAMES, found, strict=False):
                figures = (median(lags), p95(lags), max(lags))
                told = " ".join(f"{1000 * figure:6.0f}" for figure in figures)
                print(f"  round {number + 1}, {name} of {columns}: {told}", flush=True)
            worst[columns].append(max(map(p95, found)))
            uneven.append(max(map(p95, found)) / min(map(p95, found)))
    upstream.close()
    one, four = median(worst[1]), median(worst[COLUMNS])
    print(
        f"worst column's p95: {1000 * four:.0f} ms of {COLUMNS}, {1000 * one:.0f} ms of one: ratio {four / one:.2f}"
    )
    print(f"worst column against the best of its round: {max(uneven):.2f}, at most {TARGET}")
    sys.exit(max(uneven) > TARGET)


if __name__ == "__main__":
    main()
