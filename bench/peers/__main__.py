"""Draws one paced stream on a bare page, by st.write_stream, Gradio, Chainlit and Paddock, round by round.

Makes an environment for Gradio and Chainlit at the first run. Counting begins once a page is loaded and idle. Linux
only. Run: .venv/bin/python -m bench.peers
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import os
import signal
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

from bench.peers.measuring import StreamFigures, measure, wait_for_server
from bench.peers.source import PacedWords
from tests.page.app_process import ROOT, AppProcess, free_port
from tests.page.browser_tab import launch_chromium
from tests.page.upstream import Upstream

HERE = Path(__file__).resolve().parent
PEERS = {"gradio": "6.31.0", "chainlit": "2.12.0"}
BOX = "textarea:visible, [contenteditable=true]:visible"
STREAMLIT_BOX = "[data-testid=stChatInputTextArea]"
NAMES = ("MB", "server CPU, s", "main thread, s", "first, ms", "last, ms", "lag p50", "lag max", "long tasks")


@dataclass(frozen=True)
class RunningPage:
    """A page that is served: its address, its message box, and the server's process."""

    url: str
    box: str
    pid: int


def make_environment(folder: Path) -> Path:
    """Install the peers, unless they are there; return the folder of their programs."""
    done = folder / "installed"
    wanted = [f"{name}=={version}" for name, version in PEERS.items()]
    if not done.exists() or done.read_text() != " ".join(wanted):
        print(f"Installing {' and '.join(wanted)} into {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", *wanted], check=True)
        done.write_text(" ".join(wanted))
    return folder / "bin"


@contextlib.contextmanager
def run_server(
    port: int, environment: dict[str, str], folder: Path, *command: str | Path
) -> Iterator[RunningPage]:
    """Run a server in a folder of its own until the end of the block."""
    folder.mkdir()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield RunningPage(f"http://127.0.0.1:{port}/", BOX, process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def run_all(upstream: Upstream, folder: Path, programs: Path) -> Iterator[dict[str, RunningPage]]:
    """Serve all the pages."""
    environment = upstream.environment()
    with contextlib.ExitStack() as stack:

        def server(name: str, *command: str | Path, **more: str) -> RunningPage:
            port = free_port()
            words = [str(port) if word == "PORT" else word for word in command]
            return stack.enter_context(run_server(port, environment | more, folder / name, *words))

        def streamlit(name: str, *script: Path) -> RunningPage:
            app = stack.enter_context(AppProcess(environment, folder / name, *script))
            return RunningPage(app.url, STREAMLIT_BOX, app.process.pid)

        yield {
            "bare page": server(
                "bare", sys.executable, "-m", "bench.peers.bare_page", "PORT", PYTHONPATH=str(ROOT)
            ),
            "write_stream": streamlit("plain", ROOT / "bench" / "plain.py"),
            "Gradio": server(
                "gradio",
                programs / "python",
                HERE / "gradio_app.py",
                "PORT",
                GRADIO_ANALYTICS_ENABLED="False",
            ),
            "Chainlit": server(
                "chainlit",
                programs / "chainlit",
                "run",
                HERE / "chainlit_app.py",
                "--headless",
                "--port",
                "PORT",
            ),
            "Paddock": streamlit("paddock"),
        }


def print_table(results: dict[str, list[StreamFigures]]) -> None:
    """Print the medians as a Markdown table, and Paddock's ratio to write_stream."""
    medians = {
        name: [median(getattr(each, field.name) for each in figures) for field in fields(StreamFigures)]
        for name, figures in results.items()
    }
    plain, ours = medians["write_stream"], medians["Paddock"]
    print(f"\n| | {' | '.join(results)} | Paddock / write_stream |\n|---|{'--:|' * (len(results) + 1)}")
    for number, name in enumerate(NAMES):
        row = " | ".join(f"{values[number]:,.3g}" for values in medians.values())
        ratio = f"{ours[number] / plain[number]:.2f}" if plain[number] else ""
        print(f"| {name} | {row} | {ratio} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=200.0, help="tokens a second")
    parser.add_argument("--environment", type=Path, default=ROOT / "artifacts" / "peers")
    options = parser.parse_args()
    programs = make_environment(options.environment.resolve())
    upstream = Upstream()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="paddock-bench-"))
        pages = stack.enter_context(run_all(upstream, Path(folder), programs))
        browser = stack.enter_context(launch_chromium(stack.enter_context(sync_playwright())))
        versions = {"streamlit": importlib.metadata.version("streamlit")} | PEERS
        print(f"{os.cpu_count()} cores, Chromium {browser.version}, {versions}", flush=True)
        context = browser.new_context()
        results: dict[str, list[StreamFigures]] = {name: [] for name in pages}
        for page in pages.values():  # what is loaded once is no answer's cost
            wait_for_server(context.new_page(), page.url)
            measure(browser, page.url, page.box, page.pid, upstream, PacedWords(50, options.rate))
        for number in range(1, options.rounds + 1):
            for name, page in pages.items():
                words = PacedWords(options.tokens, options.rate)
                figures = measure(browser, page.url, page.box, page.pid, upstream, words)
                results[name].append(figures)
                shown = " ".join(f"{value:,.3g}" for value in astuple(figures))
                load = os.getloadavg()[0]
                print(f"round {number}, {name}: {shown} (load {load:.1f})", flush=True)
    upstream.close()
    print_table(results)


if __name__ == "__main__":
    main()
