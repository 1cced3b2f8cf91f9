"""Measure a new user's wait from ``git clone`` to the first token in the browser, and that of the second start.

Nothing is prepared: a fresh clone of HEAD, no .venv, an empty pip cache, no weights. The browser is open already and
is not counted. Run it with the Python of the checks: .venv/bin/python bench/first_token.py
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
# Seconds.
STEP_TIMEOUT = 180.0
QUESTION = "What is a paddock?"
CHROMIUM = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# Prefixes of environment variables that a new user does not have.
PRIVATE = ("PADDOCK_", "CLOUDFLARE_", "STREAMLIT_", "PYTHON", "VIRTUAL_ENV")

# True once the answer has text, without captions and button labels.
FIRST_TOKEN = """() => {
    const answer = document.querySelectorAll('[data-testid=stChatMessage]')[1];
    if (answer?.querySelector('[data-testid=stAlert]')) throw new Error(answer.innerText);
    return [...answer?.querySelectorAll('.model-text') ?? []].some(part => part.innerText.trim());
}"""


class StepTimer:
    """Prints each step with the seconds since the start."""

    def __init__(self, title: str) -> None:
        self._begun = time.monotonic()
        print(title, flush=True)

    def reached(self, what: str) -> None:
        print(f"{time.monotonic() - self._begun:8.2f} s  {what}", flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def run_paddock(clone: Path, environment: dict[str, str], port: int, log: Path) -> Iterator[None]:
    """Run ``scripts/run`` in a process group of its own, from the page's first answer to the end of the block."""
    command = [clone / "scripts/run", "--server.headless", "true", "--server.port", str(port)]
    with log.open("w+") as output:
        paddock = subprocess.Popen(
            command,
            cwd="/",
            env=environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            until = time.monotonic() + STEP_TIMEOUT
            while not is_up(port):
                if paddock.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"scripts/run did not come up:\n{log.read_text()}")
                time.sleep(0.05)
            yield
        finally:
            # To the first process alone: it ends the twin itself.
            with contextlib.suppress(ProcessLookupError):
                paddock.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                paddock.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(paddock.pid, signal.SIGKILL)
            paddock.wait()


def is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
            return bool(page.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def ask_question(browser: Browser, port: int, clock: StepTimer) -> None:
    """Act as the user: open the page, type while the model starts, and send as soon as possible."""
    page = browser.new_page()
    page.set_default_timeout(STEP_TIMEOUT * 1000)
    page.goto(f"http://127.0.0.1:{port}/")
    box = page.locator("[data-testid=stChatInputTextArea]")
    box.fill(QUESTION)
    clock.reached("the page is drawn, the question typed")
    page.locator(".st-key-place").get_by_text("on this computer (").first.wait_for()
    clock.reached("the model is ready")
    box.press("Enter")
    page.wait_for_function(FIRST_TOKEN, polling="raf")
    clock.reached("the first token is on the page")
    page.close()


def main() -> None:
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        raise SystemExit("This needs Chromium. Debian: apt install chromium")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    with (
        tempfile.TemporaryDirectory(prefix="paddock-bench-") as folder,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=list(QUIET)) as browser,
    ):
        clone, log, port = Path(folder, "paddock"), Path(folder, "log"), free_port()
        environment = inherited | {
            "PIP_CACHE_DIR": str(Path(folder, "cache")),
            "PADDOCK_DATA_DIR": str(Path(folder, "data")),
        }
        print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
        for title in ("From git clone:", "Second start:"):
            clock = StepTimer(title)
            if not clone.exists():
                subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
                clock.reached("the clone is there")
            with run_paddock(clone, environment, port, log):
                clock.reached("the page answers")
                ask_question(browser, port, clock)


if __name__ == "__main__":
    main()
