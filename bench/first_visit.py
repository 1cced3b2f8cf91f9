"""Measure how long a started server and its first visit take, against an empty Streamlit page.

Alternately, as often as --rounds says: the server is started with an account and an empty database, a browser with
cached files opens the page, and once more. The time goes from the server's start until the message box is drawn; the
processor time is the server's own. Run: .venv/bin/python -m bench.first_visit
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import BrowserContext, sync_playwright

from bench.stream import cpu_seconds
from tests.page.app_process import AppProcess
from tests.page.browser_tab import DESKTOP, BrowserTab, launch_chromium
from tests.page.upstream import Upstream

EMPTY_PAGE = "import streamlit as st\nst.chat_input()\n"
FIGURES = (
    "from the start to the message box, s",
    "the server's start, processor s",
    "first visit, processor s",
    "second visit, processor s",
)


def measure(script: str | Path, upstream: Upstream, context: BrowserContext) -> tuple[float, ...]:
    """Return the figures of one start."""
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        AppProcess(upstream.environment(), Path(folder) / "log", script) as app,
    ):
        times = [cpu_seconds(app.process.pid)]
        drawn = 0.0
        for _ in range(2):
            tab = BrowserTab(context.new_page(), app.url).open()
            drawn = drawn or time.monotonic() - began
            tab.wait_until_idle()
            times.append(cpu_seconds(app.process.pid))
            tab.page.close()
    return drawn, times[0], times[1] - times[0], times[2] - times[1]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    upstream = Upstream()
    try:
        with (
            tempfile.NamedTemporaryFile("w", suffix=".py") as empty,
            sync_playwright() as playwright,
            launch_chromium(playwright) as browser,
            browser.new_context(viewport=DESKTOP, reduced_motion="reduce") as context,
        ):
            empty.write(EMPTY_PAGE)
            empty.flush()
            scripts = ("app.py", empty.name)
            measured = [[measure(script, upstream, context) for script in scripts] for _ in range(rounds)]
    finally:
        upstream.close()
    print(f"medians of {rounds} rounds: Paddock, an empty page, ratio")
    for number, figure in enumerate(FIGURES):
        ours, plain = (median(each[which][number] for each in measured) for which in range(2))
        print(
            f"{figure}: {ours:.2f}, {plain:.2f}, {ours / plain:.1f}" if plain else f"{figure}: {ours:.2f}, 0"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
