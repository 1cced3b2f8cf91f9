"""Text of a running answer that kill -9 of the server loses: ``.venv/bin/python -m bench.kill`` in the root.

Each round lets a stream come for a random while, kills the server with all that it started, starts it again on the
same data, and reads in the browser what is left of the answer. Lost is what the upstream had sent when it was killed
and the page does not show; in characters, and in seconds since the first of them was sent. After each kill the
database is checked. Exit status 1 where more than a second was lost, or the database is not sound. Linux.
"""

from __future__ import annotations

import argparse
import bisect
import random
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from tests.page.app_process import AppProcess, make_data_folder
from tests.page.browser_tab import DESKTOP, BrowserTab, launch_chromium
from tests.page.upstream import StreamReply, Upstream, UpstreamRequest

MAX_SECONDS_LOST = 1.0
RATE = 200.0  # tokens a second, 4.5 characters each


class Meter:
    """Records a thousand times a second how many characters of an answer were sent."""

    def __init__(self, asked: UpstreamRequest) -> None:
        self._asked = asked
        self._times: list[float] = []
        self._counts: list[int] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while self._asked.is_live:
            if not self._counts or len(self._asked.sent_text) > self._counts[-1]:
                self._times.append(time.monotonic())
                self._counts.append(len(self._asked.sent_text))
            time.sleep(0.001)

    def sent_by(self, at: float) -> int:
        """Return the number of characters sent by that moment."""
        number = bisect.bisect_right(self._times, at)
        return self._counts[number - 1] if number else 0

    def time_of(self, count: int) -> float:
        """Return the moment when that many characters had been sent."""
        return self._times[min(bisect.bisect_left(self._counts, count), len(self._times) - 1)]


def is_sound(database: Path) -> bool:
    """Return True if SQLite finds no fault in the database."""
    with sqlite3.connect(database) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    connection.close()
    return found == [("ok",)] and not broken


def is_empty_page(tab: BrowserTab) -> bool:
    """Return True if the page shows no message: the kill came before the first save."""
    return (
        tab.is_idle
        and tab.messages.count() == 0
        and tab.by_key("starter0").locator("button:enabled").count() == 1
    )


def strip_white_space(text: str) -> str:
    """Return the text without white space, which browsers collapse."""
    return "".join(text.split())


def measure_kill(
    browser: Browser, upstream: Upstream, environment: dict[str, str], folder: Path, seconds: float
) -> tuple[int, int, float, bool]:
    """Kill the server after ``seconds``. Return characters sent and lost, seconds lost, and True if all is sound."""
    upstream.reset()
    upstream.plan_replies(StreamReply(endless=True, rate=RATE))
    with browser.new_context(viewport=DESKTOP) as context:
        with AppProcess(environment, folder / "log") as app:
            tab = BrowserTab(context.new_page(), app.url).open()
            tab.send("Count")
            tab.wait_until("a request", lambda: upstream.requests and upstream.requests[0].sent_text)
            asked = upstream.requests[0]
            meter = Meter(asked)
            time.sleep(seconds)
            killed = time.monotonic()
            app.kill()
            address = tab.page.url.removeprefix(app.url)
            tab.page.close()
        asked.ended.wait(10)
        whole = is_sound(app.database)
        with AppProcess(environment, folder / "log") as app:
            tab = BrowserTab(context.new_page(), app.url).open(address)
            tab.wait_until("what is left", lambda: "cut off" in tab.figures() or is_empty_page(tab))
            tab.wait_until_idle()
            kept = strip_white_space(tab.answer_text())
            tab.page.close()
        whole = whole and is_sound(app.database)
    sent = asked.sent_text[: meter.sent_by(killed)]
    if not strip_white_space(asked.sent_text).startswith(kept):
        return len(sent), len(sent), float("inf"), False
    count = prefix_length(asked.sent_text, len(kept))
    return len(sent), max(len(sent) - count, 0), max(killed - meter.time_of(count + 1), 0.0), whole


def prefix_length(text: str, bare_characters: int) -> int:
    """Return the length of the prefix with that many characters that are not white space."""
    seen = 0
    for number, char in enumerate(text):
        if seen == bare_characters and not char.isspace():
            return number
        seen += not char.isspace()
    return len(text)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=50, help="kills (default 50)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance, upstream = random.Random(arguments.seed), Upstream()
    characters, seconds, faults = [], [], 0
    with (
        tempfile.TemporaryDirectory(prefix="paddock-bench-") as name,
        sync_playwright() as playwright,
        launch_chromium(playwright) as browser,
    ):
        folder = Path(name)
        environment = upstream.environment() | {"PADDOCK_DATA_DIR": str(make_data_folder(folder / "data"))}
        for number in range(arguments.times):
            sent, lost, late, whole = measure_kill(
                browser, upstream, environment, folder, chance.uniform(0.05, 3.0)
            )
            characters.append(lost)
            seconds.append(late)
            faults += not whole
            print(
                f"{number + 1:4}  sent {sent:5,}  lost {lost:4,} characters, {late:.2f} s"
                f"{'' if whole else '  NOT SOUND'}",
                flush=True,
            )
    upstream.close()
    print(
        f"{arguments.times} kills at {RATE:g} tokens a second: lost at worst {max(characters):,} characters "
        f"({max(seconds):.2f} s), in the middle {median(characters):.0f} ({median(seconds):.2f} s); "
        f"databases that are not sound: {faults}"
    )
    return 1 if faults or max(seconds) > MAX_SECONDS_LOST else 0


if __name__ == "__main__":
    sys.exit(main())
