"""Interrupts live answers in a real browser, at random times, in every way that the tests know and counts damage.

Each answer is interrupted several times in one way, ends, and is compared with what the server sent. Exits with 1
if any character was lost or doubled, any request repeated, or any answer stopped. Run: .venv/bin/python -m
bench.interruptions
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.page.app_process import AppProcess
from tests.page.browser_tab import DESKTOP, BrowserTab, launch_chromium, squeeze
from tests.page.interruption_kinds import INTERRUPTIONS, LiveAnswer, count_damage
from tests.page.tcp_proxy import TcpProxy
from tests.page.upstream import StreamReply, Upstream


@dataclass
class InterruptionTally:
    """The damage of one kind of interruption."""

    interruptions: int = 0
    answers: int = 0
    requests: int = 0
    sent: int = 0  # characters
    lost: int = 0
    doubled: int = 0
    harmed: int = 0  # answers that were stopped, or do not read exactly as they were sent

    @property
    def is_unharmed(self) -> bool:
        """Return true if no answer was harmed."""
        return not (self.lost or self.doubled or self.harmed) and self.requests == self.answers


def interrupt_answer(
    browser: Browser,
    app: AppProcess,
    upstream: Upstream,
    kind: str,
    times: int,
    chance: random.Random,
    tally: InterruptionTally,
) -> None:
    """Interrupt one live answer that many times; add the damage to the tally."""
    upstream.reset()
    upstream.plan_replies(
        StreamReply(endless=True, rate=chance.choice((60, 120, 240)), seed=chance.randrange(1_000))
    )
    proxy = TcpProxy(app.port)
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    try:
        scene = LiveAnswer(
            BrowserTab(context.new_page(), proxy.url).open(),
            proxy,
            lambda address: BrowserTab(context.new_page(), proxy.url).open(address),
        )
        scene.tab.send("Go")
        scene.tab.wait_for_growth(50)
        for _ in range(times):
            scene.tab.page.wait_for_timeout(chance.uniform(0, 800))
            INTERRUPTIONS[kind](scene)
            tally.interruptions += 1
            scene.tab.wait_for_growth(20)
        asked = upstream.requests[0]
        stopped = not asked.is_live
        asked.release()
        scene.tab.wait_for_end("finished")
        scene.tab.page.wait_for_timeout(300)
        shown = scene.tab.answer_text()
        lost, doubled = count_damage(asked.sent_text, shown)
        tally.answers += 1
        tally.requests += len(upstream.requests)
        tally.sent += len("".join(asked.sent_text.split()))
        tally.lost += lost
        tally.doubled += doubled
        tally.harmed += stopped or asked.client_gone.is_set() or shown != squeeze(asked.sent_text)
    finally:
        context.close()
        proxy.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--answers", type=int, default=3, help="of each kind (default 3)")
    parser.add_argument("--times", type=int, default=4, help="interruptions of each answer (default 4)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    upstream = Upstream()
    tallies = {kind: InterruptionTally() for kind in INTERRUPTIONS}
    with (
        tempfile.TemporaryDirectory(prefix="paddock-bench-") as folder,
        AppProcess(upstream.environment(), Path(folder) / "log") as app,
        sync_playwright() as playwright,
        launch_chromium(playwright) as browser,
    ):
        print(
            f"{'':22}{'interrupted':>12}{'answers':>9}{'requests':>10}{'sent':>10}{'lost':>6}{'doubled':>9}"
        )
        for kind, tally in tallies.items():
            for _ in range(arguments.answers):
                interrupt_answer(browser, app, upstream, kind, arguments.times, chance, tally)
            print_row(kind, tally)
    upstream.close()
    whole = InterruptionTally(
        *(sum(values) for values in zip(*(vars(t).values() for t in tallies.values()), strict=True))
    )
    print_row("in all", whole)
    return 0 if all(tally.is_unharmed for tally in tallies.values()) else 1


def print_row(name: str, tally: InterruptionTally) -> None:
    """Print a line of the table; characters are counted without white space."""
    print(
        f"{name:22}{tally.interruptions:12}{tally.answers:9}{tally.requests:10}{tally.sent:10,}{tally.lost:6}"
        f"{tally.doubled:9}{'' if tally.is_unharmed else '  HARMED'}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
