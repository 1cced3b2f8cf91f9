"""What a long conversation costs: 1,000 messages against 20. ``.venv/bin/python -m bench.long`` at the root.

Opening it by its address (until its last answer is seen), and sending the next message (until the first word of the
answer is seen): time, and bytes to the browser over the WebSocket. Medians; each conversation in turn. Exit status 1
where a ratio is above the target.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, WebSocket, sync_playwright

from tests.page import saved_outside
from tests.page.app_process import Application
from tests.page.upstream import Stream, Upstream
from tests.page.visitor import DESK, Visitor, launch

SHORT, LONG = 20, 1_000  # messages
TARGET = 1.5
QUESTION = "Question {}: what can you tell me about horses, paddocks, oats and the weather of last week?"
ANSWER = (
    "Answer {}: **horses** graze in a paddock. " + "They eat grass, oats and clover, and sleep standing. " * 8
)
FIRST = "Firstword"
WHAT = ("open, s", "open, kB", "next message, s", "next message, kB")


@dataclass
class Wire:
    """Bytes that came over a page's WebSockets."""

    received: int = 0
    sockets: list[WebSocket] = field(default_factory=list)

    def watch(self, socket: WebSocket) -> None:
        """Count this one too."""
        self.sockets.append(socket)
        socket.on("framereceived", self._count)

    def _count(self, payload: bytes | str) -> None:
        self.received += len(payload)


def one(browser: Browser, app: Application, upstream: Upstream, messages: int) -> tuple[float, ...]:
    """A fresh conversation of that length, opened and continued."""
    talk = saved_outside.talk(messages // 2, QUESTION, ANSWER)
    with saved_outside.store(app) as store:
        saved_outside.save(store, talk)
    upstream.forget()
    upstream.plan(Stream(f"{FIRST} and more.", held=len(FIRST) + 4))
    with browser.new_context(viewport=DESK) as context:
        warm = Visitor(context.new_page(), app.url).open()  # the page's files are fetched
        warm.rest()
        warm.page.close()
        page, wire = context.new_page(), Wire()
        page.on("websocket", wire.watch)
        tab = Visitor(page, app.url)
        begun = time.monotonic()
        page.goto(f"{app.url}/?c={talk.id}")
        page.get_by_text(f"Answer {messages // 2 - 1}:").wait_for()
        opened = time.monotonic() - begun
        tab.rest()
        page.wait_for_timeout(300)
        received = wire.received
        tab.box.fill("And now?")
        begun = time.monotonic()
        tab.box.press("Enter")
        page.get_by_text(FIRST).wait_for()
        first = time.monotonic() - begun
        upstream.asked[0].release()
        tab.ended()
        page.wait_for_timeout(300)
        assert len(upstream.asked[0].body["messages"]) == messages + 1
        page.close()
    return opened, received / 1e3, first, (wire.received - received) / 1e3


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=7, help="of each length (default 7)")
    arguments = parser.parse_args()
    upstream = Upstream()
    found: dict[int, list[tuple[float, ...]]] = {SHORT: [], LONG: []}
    with (
        tempfile.TemporaryDirectory(prefix="paddock-bench-") as folder,
        Application(upstream.environment(), Path(folder) / "log") as app,
        sync_playwright() as playwright,
        launch(playwright) as browser,
    ):
        one(browser, app, upstream, SHORT)  # the first page of a server is the slowest
        for _ in range(arguments.times):
            for messages, figures in found.items():
                figures.append(one(browser, app, upstream, messages))
    upstream.close()
    good = True
    print(f"{'':20}{SHORT:>7} messages{LONG:>9,} messages{'ratio':>8}")
    for number, what in enumerate(WHAT):
        short, long = (median(figures[number] for figures in found[count]) for count in (SHORT, LONG))
        good = good and long / short <= TARGET
        print(f"{what:20}{short:16.2f}{long:18.2f}{long / short:8.2f}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
