"""Measures what a streamed answer costs on Paddock's page, against the same stream drawn by ``st.write_stream``.

An answer of 2,000 tokens at 200 a second, from the tests' upstream, in headless Chromium: bytes over the WebSocket,
CPU time of the server, and the time from the last token's sending until it is visible. Counting begins once the
page is loaded and idle. Both apps run at the same time, and alternate. Linux only. Run: .venv/bin/python -m
bench.stream
"""

from __future__ import annotations

import argparse
import base64
import itertools
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from tests.page.app_process import ROOT, AppProcess
from tests.page.browser_tab import DESKTOP, BrowserTab, launch_chromium
from tests.page.upstream import StreamReply, Upstream, split_into_tokens

TOKENS, RATE = 2_000, 200.0
END = "theveryend"
# Where a text is drawn: Paddock's elements, and those of st.write_stream.
DRAWN = ".model-text, [data-testid=stMarkdownContainer], [data-testid=stCode]"
TICKS = os.sysconf("SC_CLK_TCK")

SECTION = """## Part {n}: on horses and *paddocks*

A paddock is a **small field** near a stable; horses graze there, rest there, and are led out of it again. Its
fence is `1.4 m` high, and nobody who has seen one forgets it.

- grass, and some clover of the {n}th kind
- water, fresh every day
  - in a trough, **never** in a bucket
- shade

| horse | age | oats a day |
|---|--:|--:|
| Fury | 7 | {n} kg |
| Black Beauty | 11 | 3 kg |

```python
def oats(horses: list[str], days: int = {n}) -> float:
    total = 0.0
    for horse in horses:
        total += len(horse) * days  # a rule of thumb
    return total
```

1. Open the gate.
2. Lead them out, one by one, and count them: there should be {n}.

"""
CODE = """def oats_{n}(horses: list[str], days: int = {n}) -> float:
    total = 0.0
    for horse in horses:
        total += len(horse) * days  # a rule of thumb
    return total


"""


@dataclass(frozen=True)
class StreamCost:
    """What one answer cost."""

    bytes: int
    frames: int
    cpu: float  # seconds
    late: float  # seconds from the last token's sending to its sight


def make_answer_text(sections: str, head: str = "", tail: str = "") -> str:
    """Return about 2,000 tokens of that text, with an end that can be found on the page."""
    body = head + "".join(sections.replace("{n}", str(n)) for n in range(1, 200))
    whole = "".join(itertools.islice(split_into_tokens(body), TOKENS - 5))
    return f"{whole}\n{END}{tail}" if head else f"{whole.rpartition('## Part')[0]}{END}"


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of the process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(browser: Browser, app: AppProcess, upstream: Upstream, text: str) -> StreamCost:
    """Send a message in a new tab, and measure the answer to its end."""
    upstream.reset()
    upstream.plan_replies(StreamReply(text, rate=RATE, usage=(21, TOKENS)))
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    try:
        tab = BrowserTab(context.new_page(), app.url)
        tab.page.set_default_timeout(120_000)
        sizes: list[int] = []
        network = context.new_cdp_session(tab.page)
        network.send("Network.enable")
        network.on("Network.webSocketFrameReceived", lambda event: sizes.append(_size(event["response"])))
        tab.open()
        tab.page.wait_for_timeout(1500)
        tab.wait_until_idle()
        sizes.clear()
        before = cpu_seconds(app.process.pid)
        tab.send("Go")
        seen = tab.page.wait_for_function(
            f"() => [...document.querySelectorAll('{DRAWN}')].some(part => part.textContent.includes('{END}'))"
            " && Date.now()",
            polling="raf",
        ).json_value()
        tab.page.wait_for_timeout(500)
        tab.wait_until_idle()
        (asked,) = upstream.requests
        return StreamCost(
            sum(sizes), len(sizes), cpu_seconds(app.process.pid) - before, seen / 1000 - asked.last_sent
        )
    finally:
        context.close()


def _size(frame: dict[str, object]) -> int:
    data = str(frame["payloadData"])
    return len(base64.b64decode(data)) if frame["opcode"] == 2 else len(data.encode())


def print_medians(name: str, costs: list[StreamCost]) -> None:
    """Print a line of medians."""
    print(
        f"  {name:16}{median(c.bytes for c in costs) / 1000:10,.0f} kB {median(c.frames for c in costs):7,.0f} frames"
        f"{median(c.cpu for c in costs):8.2f} s CPU"
        f" {median(c.late for c in costs) * 1000:7.0f} ms after the last token"
    )


def compare(
    title: str,
    rounds: int,
    browser: Browser,
    ours: AppProcess,
    plain: AppProcess,
    upstream: Upstream,
    text: str,
) -> None:
    """Measure both apps alternately; print medians and ratios."""
    print(
        f"{title}: {len(text):,} characters, {TOKENS:,} tokens at {RATE:.0f}/s, {rounds} rounds", flush=True
    )
    both: dict[str, list[StreamCost]] = {"Paddock": [], "st.write_stream": []}
    for _ in range(rounds):
        both["Paddock"].append(measure(browser, ours, upstream, text))
        both["st.write_stream"].append(measure(browser, plain, upstream, text))
    for name, costs in both.items():
        print_medians(name, costs)
    sent, cpu = (
        median(getattr(cost, field) for cost in both["Paddock"])
        / median(getattr(cost, field) for cost in both["st.write_stream"])
        for field in ("bytes", "cpu")
    )
    print(f"  ratio: bytes {sent:.3f}, CPU {cpu:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    upstream = Upstream()
    with tempfile.TemporaryDirectory(prefix="paddock-bench-") as folder, sync_playwright() as playwright:
        environment, logs = upstream.environment(), Path(folder)
        with (
            AppProcess(environment, logs / "ours") as ours,
            AppProcess(environment, logs / "plain", ROOT / "bench" / "plain.py") as plain,
            launch_chromium(playwright) as browser,
        ):
            print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, Chromium {browser.version}")
            for app in (ours, plain):  # what is imported once is no answer's cost
                measure(browser, app, upstream, f"Warm *up*.\n\n```python\nx = 1\n```\n\n{END}")
            each = (rounds, browser, ours, plain, upstream)
            compare("Mixed Markdown", *each, make_answer_text(SECTION))
            compare("One code block", *each, make_answer_text(CODE, "```python\n", "\n```\n"))
    upstream.close()


if __name__ == "__main__":
    main()
