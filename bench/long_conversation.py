"""Measures what a long conversation costs: 1,000 messages against 20.

Opening it by its address (until its last answer is visible), and sending the next message (until the first word of
the answer is visible): time, and bytes to the browser over the WebSocket. Medians; the two lengths alternate. Exits
with 1 if a ratio is above the target. Run: .venv/bin/python -m bench.long_conversation
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

from tests.page import stored_conversations
from tests.page.app_process import AppProcess
from tests.page.browser_tab import DESKTOP, BrowserTab, launch_chromium
from tests.page.upstream import StreamReply, Upstream

SHORT, LONG = 20, 1_000  # messages
TARGET = 1.5
QUESTION = "Question {}: what can you tell me about horses, paddocks, oats and the weather of last week?"
ANSWER = (
    "Answer {}: **horses** graze in a paddock. " + "They eat grass, oats and clover, and sleep standing. " * 8
)
FIRST = "Firstword"
WHAT = ("open, s", "open, kB", "next message, s", "next message, kB")


@dataclass
class WebSocketCounter:
    """Counts the bytes that a page receives over its WebSockets."""

    received: int = 0
    sockets: list[WebSocket] = field(default_factory=list)

    def watch(self, socket: WebSocket) -> None:
        """Count the bytes of that WebSocket too."""
        self.sockets.append(socket)
        socket.on("framereceived", self._count)

    def _count(self, payload: bytes | str) -> None:
        self.received += len(payload)


def measure_conversation(
    browser: Browser, app: AppProcess, upstream: Upstream, messages: int
) -> tuple[float, ...]:
    """Open and continue a new conversation of that length; return the figures named in WHAT."""
    talk = stored_conversations.make_conversation(messages // 2, QUESTION, ANSWER)
    with stored_conversations.open_store(app) as store:
        stored_conversations.save_conversation(store, talk)
    upstream.reset()
    upstream.plan_replies(StreamReply(f"{FIRST} and more.", held=len(FIRST) + 4))
    with browser.new_context(viewport=DESKTOP) as context:
        warm = BrowserTab(context.new_page(), app.url).open()  # the page's files are fetched
        warm.wait_until_idle()
        warm.page.close()
        page, wire = context.new_page(), WebSocketCounter()
        page.on("websocket", wire.watch)
        tab = BrowserTab(page, app.url)
        begun = time.monotonic()
        page.goto(f"{app.url}/?c={talk.id}")
        page.get_by_text(f"Answer {messages // 2 - 1}:").wait_for()
        opened = time.monotonic() - begun
        tab.wait_until_idle()
        page.wait_for_timeout(300)
        received = wire.received
        tab.chat_box.fill("And now?")
        begun = time.monotonic()
        tab.chat_box.press("Enter")
        page.get_by_text(FIRST).wait_for()
        first = time.monotonic() - begun
        upstream.requests[0].release()
        tab.wait_for_end()
        page.wait_for_timeout(300)
        assert len(upstream.requests[0].body["messages"]) == messages + 1
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
        AppProcess(upstream.environment(), Path(folder) / "log") as app,
        sync_playwright() as playwright,
        launch_chromium(playwright) as browser,
    ):
        measure_conversation(browser, app, upstream, SHORT)  # the first page of a server is the slowest
        for _ in range(arguments.times):
            for messages, figures in found.items():
                figures.append(measure_conversation(browser, app, upstream, messages))
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
