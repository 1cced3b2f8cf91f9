"""Measures one streamed answer on a page in Chromium, in the same way for every page."""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page

from bench.peers.source import PacedWords
from tests.page.upstream import Upstream

TICKS = os.sysconf("SC_CLK_TCK")
LONG_TASK = 100.0  # ms

# Keeps, for each frame in which more of the answer was drawn, its time and the number of its last word.
WATCH = """
window.seen = [];
window.longTasks = [];
new PerformanceObserver(list => longTasks.push(...list.getEntries().map(task => task.duration)))
    .observe({type: "longtask"});
addEventListener("DOMContentLoaded", () => {
    let newest = 0, planned = false;
    const read = text => {
        for (const found of text.slice(-4000).matchAll(/w(\\d{5})/g)) newest = Math.max(newest, +found[1]);
    };
    new MutationObserver(changes => {
        const before = newest;
        for (const change of changes) {
            if (change.type === "characterData") read(change.target.data);
            for (const node of change.addedNodes) read(node.textContent);
        }
        if (newest === before || planned) return;
        planned = true;
        requestAnimationFrame(() => {
            planned = false;
            seen.push([performance.timeOrigin + performance.now(), newest]);
        });
    }).observe(document, {subtree: true, childList: true, characterData: true});
});
"""


@dataclass(frozen=True)
class StreamFigures:
    """What one answer cost, and when its words were seen. Times of words are in ms, the others in s."""

    megabytes: float
    server_cpu: float
    main_thread: float
    first: float
    last: float
    lag_median: float
    lag_max: float
    long_tasks: int


def measure(
    browser: Browser, url: str, box: str, pid: int, upstream: Upstream, words: PacedWords
) -> StreamFigures:
    """Send a message on the page at ``url``, whose message box is ``box``, and watch the answer to its end."""
    upstream.reset()
    upstream.plan_replies(words)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.add_init_script(WATCH)
        sizes: list[int] = []
        network = context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Performance.enable")
        network.on(
            "Network.webSocketFrameReceived", lambda event: sizes.append(_frame_size(event["response"]))
        )
        network.on("Network.dataReceived", lambda event: sizes.append(event["encodedDataLength"]))
        page.goto(url)
        page.locator(box).first.wait_for()
        page.wait_for_timeout(3000)
        page.locator(box).first.click()
        page.keyboard.type("Go")
        page.wait_for_timeout(500)
        page.evaluate("longTasks.length = 0")
        sizes.clear()
        cpu, busy = _cpu_of_tree(pid), _main_thread(network)
        page.keyboard.press("Enter")
        page.wait_for_function(f"() => seen.length && seen.at(-1)[1] >= {words.count}", polling=200)
        page.wait_for_timeout(1000)
        seen, long_tasks = page.evaluate("[seen, longTasks]")
        lags = _lags(seen, words.sent)
        return StreamFigures(
            sum(sizes) / 1e6,
            _cpu_of_tree(pid) - cpu,
            _main_thread(network) - busy,
            lags[0],
            lags[-1],
            median(lags),
            max(lags),
            sum(duration > LONG_TASK for duration in long_tasks),
        )
    finally:
        context.close()


def _lags(seen: list[tuple[float, int]], sent: list[float]) -> list[float]:
    """Return, for each word, the ms from its sending to the frame that showed it."""
    frames = iter(seen)
    at, newest = next(frames)
    lags = []
    for number, when in enumerate(sent, 1):
        while newest < number:
            at, newest = next(frames)
        lags.append(at - when * 1000)
    return lags


def _frame_size(frame: dict[str, Any]) -> int:
    data = str(frame["payloadData"])
    return len(base64.b64decode(data)) if frame["opcode"] == 2 else len(data.encode())


def _main_thread(session: Any) -> float:
    """Return the seconds that the page's main thread has worked."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def _cpu_of_tree(pid: int) -> float:
    """Return the processor time of a process and those that it started. Linux only."""
    parents, ticks = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        parents[int(folder.name)] = int(fields[1])
        ticks[int(folder.name)] = int(fields[11]) + int(fields[12])
    tree = {pid}
    while more := {child for child, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return sum(ticks.get(each, 0) for each in tree) / TICKS


def wait_for_server(page: Page, url: str, seconds: float = 120.0) -> None:
    """Wait until something answers at ``url``."""
    end = time.monotonic() + seconds
    while True:
        try:
            if page.request.get(url).ok:
                return
        except Exception:
            if time.monotonic() > end:
                raise
        time.sleep(0.2)
