"""Measure how long the first and the last token of an answer take from the model to the reader's eyes.

The same short answer on Paddock's page and on one with ``st.write_stream``, alternately, in headless Chromium: from
Enter to the user's own message, from the first and the last token's sending until each is visible, and the longest
time for which the browser stands still. The model begins at once, while the page is still being drawn, or after a
second. Run: .venv/bin/python -m bench.token_delay
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from bench.stream import DRAWN
from tests.page.app_process import ROOT, AppProcess
from tests.page.browser_tab import DESKTOP, BrowserTab, launch_chromium
from tests.page.upstream import StreamReply, Upstream, UpstreamRequest

QUESTION, BEGIN, END = "How are horses kept", "§", "theveryend"
TEXT = BEGIN + " A paddock is a small field near a stable; *horses* graze there." * 8 + f"\n\n{END}"
RATE = 100.0  # tokens a second
# Notes when Enter was pressed, when each text was visible first, and the longest task, in milliseconds.
WATCH_JS = f"""
    window.watched = {{asked: 0, longest: 0}}
    const now = () => performance.timeOrigin + performance.now()
    addEventListener('keydown', event => {{ if (event.key === 'Enter') watched.asked = now() }}, true)
    new PerformanceObserver(list => list.getEntries().forEach(task => {{
        if (watched.asked) watched.longest = Math.max(watched.longest, task.duration)
    }})).observe({{type: 'longtask'}})
    const texts = [
        ['own', '[data-testid=stChatMessage]', '{QUESTION}'], ['first', '{DRAWN}', '{BEGIN}'],
        ['last', '{DRAWN}', '{END}'],
    ]
    const look = () => {{
        for (const [name, where, text] of texts) {{
            if (!watched[name] && [...document.querySelectorAll(where)].some(part => part.textContent.includes(text)))
                watched[name] = now()
        }}
        requestAnimationFrame(look)
    }}
    look()"""


@dataclass
class DelayedReply(StreamReply):
    """A stream whose first token comes after ``delay`` seconds."""

    delay: float = 0.0

    def _pieces(self, request: UpstreamRequest) -> Iterator[str]:
        time.sleep(self.delay)
        return super()._pieces(request)


@dataclass(frozen=True)
class Delays:
    """The delays of one answer in milliseconds."""

    own: float
    first: float
    last: float
    longest: float


def measure(browser: Browser, app: AppProcess, upstream: Upstream, delay: float) -> Delays:
    """Send a message in a new tab, and watch its answer."""
    upstream.reset()
    upstream.plan_replies(DelayedReply(TEXT, RATE, delay=delay))
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    try:
        tab = BrowserTab(context.new_page(), app.url)
        tab.page.add_init_script(WATCH_JS)
        tab.open()
        tab.page.wait_for_timeout(1000)
        tab.wait_until_idle()
        tab.send(QUESTION)
        watched = tab.page.wait_for_function("() => watched.last && watched", polling=100).json_value()
        (asked,) = upstream.requests
        first_sent = (time.time() - time.monotonic() + asked.progress[0][0]) * 1000
        return Delays(
            watched["own"] - watched["asked"],
            watched["first"] - first_sent,
            watched["last"] - asked.last_sent * 1000,
            watched["longest"],
        )
    finally:
        context.close()


def print_medians(name: str, delays: list[Delays]) -> None:
    """Print a line of medians."""
    own, first, last, longest = (
        median(getattr(each, field) for each in delays) for field in ("own", "first", "last", "longest")
    )
    print(
        f"  {name:16}own message {own:5.0f} ms   first token {first:5.0f} ms   last token {last:5.0f} ms"
        f"   longest task {longest:5.0f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    upstream = Upstream()
    with tempfile.TemporaryDirectory(prefix="paddock-bench-") as folder, sync_playwright() as playwright:
        environment, logs = upstream.environment(), Path(folder)
        with (
            AppProcess(environment, logs / "ours") as ours,
            AppProcess(environment, logs / "plain", ROOT / "bench" / "plain.py") as plain,
            launch_chromium(playwright) as browser,
        ):
            apps = {"Paddock": ours, "st.write_stream": plain}
            print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, Chromium {browser.version}")
            for app in apps.values():  # what is imported once is no answer's cost
                measure(browser, app, upstream, 0.0)
            for title, delay in (("The model begins at once", 0.0), ("The model begins after 1 s", 1.0)):
                print(f"{title}, {rounds} rounds; load {os.getloadavg()[0]:.1f}", flush=True)
                delays: dict[str, list[Delays]] = {name: [] for name in apps}
                for _ in range(rounds):
                    for name, app in apps.items():
                        delays[name].append(measure(browser, app, upstream, delay))
                for name, each in delays.items():
                    print_medians(name, each)
    upstream.close()


if __name__ == "__main__":
    main()
