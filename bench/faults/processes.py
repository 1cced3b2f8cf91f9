"""Kill Paddock's processes with SIGKILL at random moments. ``python -m bench.faults.processes --kills 200 --seed 1``

The server is killed in each phase of an answer, of an import and of an experiment's run, without its page and,
sometimes, as a whole with a browser in front of it; the twin and the browser are killed in the middle of an answer.
Sometimes the disk is full, the folder read-only, or there are too few file handles. What was sent and is not there
afterwards is lost, unless the page had said so. It prints a row of docs/reliability.md. Exit status 1 if an answer
lost more than a second of text, a database is not sound, or a paid request is forgotten. Linux.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.errors import PaddockError
from lib.local_models.supervised_twin import Ready
from lib.local_models.supervisor import Supervisor
from lib.model import model_record
from tests.faults.process_faults import (
    RATE,
    KillOutcome,
    Scene,
    database_faults,
    kill_answer,
    kill_experiment,
    kill_import,
    measure_loss,
    run_process_faults,
    wait_for,
)
from tests.page.app_process import AppProcess, make_data_folder
from tests.page.browser_tab import DESKTOP, BrowserTab, launch_chromium
from tests.page.upstream import StreamReply
from tests.sample_values import make_client

TWIN_PATIENCE = 180.0  # seconds


def kill_server(playwright: Playwright, scene: Scene) -> KillOutcome:
    """Kill the whole server in the middle of an answer, start it again, and read what the browser shows of it."""
    upstream, outcome, data = scene.upstream, KillOutcome(), make_data_folder(scene.folder / "data")
    environment = upstream.environment() | {"PADDOCK_DATA_DIR": str(data)}
    upstream.plan_replies(StreamReply(endless=True, rate=RATE))
    with launch_chromium(playwright) as browser, browser.new_context(viewport=DESKTOP) as context:
        with AppProcess(environment, scene.folder / "log") as app:
            tab = open_answer(context, app, scene)
            killed = time.monotonic()
            app.kill()
            address = tab.page.url.removeprefix(app.url)
            tab.page.close()
        request = upstream.requests[0]
        request.ended.wait(10)
        outcome.unsound += database_faults(app.database)
        with AppProcess(environment, scene.folder / "log") as app:
            tab = BrowserTab(context.new_page(), app.url).open(address)
            tab.wait_until("what is left", lambda: "cut off" in tab.figures() or is_empty_page(tab))
            tab.wait_until_idle()
            shown = "".join(tab.answer_text().split())
        outcome.unsound += database_faults(app.database)
    kept = shown_prefix(request.sent_text, shown)
    if kept is None:
        outcome.unsound.append("another text than was sent")
    else:
        measure_loss(scene, outcome, request, len(kept), killed)
    return outcome


def open_answer(context: BrowserContext, app: AppProcess, scene: Scene) -> BrowserTab:
    """Return a tab in which an answer has been coming for a random while."""
    tab = BrowserTab(context.new_page(), app.url).open()
    tab.send("Count")
    tab.wait_until("text", lambda: scene.upstream.requests and scene.upstream.requests[0].sent_text)
    time.sleep(scene.chance.uniform(0.05, 3.0))
    return tab


def is_empty_page(tab: BrowserTab) -> bool:
    """Return True if the page shows no message: the kill came before the first save."""
    return (
        tab.is_idle
        and tab.messages.count() == 0
        and tab.by_key("starter0").locator("button:enabled").count() == 1
    )


def shown_prefix(text: str, shown: str) -> str | None:
    """Return the beginning of the text that is ``shown`` without white space, which browsers collapse."""
    if not "".join(text.split()).startswith(shown):
        return None
    count = 0
    for number, char in enumerate(text):
        if count == len(shown) and not char.isspace():
            return text[:number]
        count += not char.isspace()
    return text


def kill_browser(playwright: Playwright, scene: Scene) -> KillOutcome:
    """Kill the browser in the middle of an answer: the answer goes on, and another browser shows all of it."""
    upstream, outcome = scene.upstream, KillOutcome()
    environment = upstream.environment() | {"PADDOCK_DATA_DIR": str(make_data_folder(scene.folder / "data"))}
    upstream.plan_replies(StreamReply(endless=True, rate=RATE))
    with AppProcess(environment, scene.folder / "log") as app:
        browser = launch_chromium(playwright)
        tab = open_answer(browser.new_context(viewport=DESKTOP), app, scene)
        address = tab.page.url.removeprefix(app.url)
        os.kill(browser_process(browser), signal.SIGKILL)
        request = upstream.requests[0]
        count = len(request.progress)
        if not wait_for(lambda: len(request.progress) > count + 100):
            outcome.lost.append("the answer ended with its browser")
        request.release()
        request.ended.wait(10)
        with launch_chromium(playwright) as other:
            tab = BrowserTab(other.new_page(), app.url).open(address)
            tab.wait_until("the end", lambda: "finished" in tab.figures())
            if shown_prefix(request.sent_text, "".join(tab.answer_text().split())) != request.sent_text:
                outcome.lost.append("a part of the answer")
        with contextlib.suppress(Exception):  # it is dead
            browser.close()
    outcome.unsound += database_faults(app.database)
    return outcome


def browser_process(browser: Browser) -> int:
    """Return the id of the browser's main process."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return next(int(process["id"]) for process in processes if process["type"] == "browser")


def kill_twin(scene: Scene) -> KillOutcome:
    """Kill the twin in the middle of an answer: what came stays, with an error, and the next twin goes on."""
    outcome, supervisor = KillOutcome(), Supervisor()
    supervisor.start()
    try:
        first = wait_for_twin(supervisor, None)
        chat = ChatSession(make_client(attempts=1), model_record.default_model(), Conversation())
        chat.change_settings(lambda settings: settings.with_value("max_tokens", 100))
        chat.send("Write a long story about a fox and a river.", first.backend)
        _, live = chat.snapshot()
        assert live is not None
        wait_for(lambda: live.run.text, TWIN_PATIENCE)
        time.sleep(scene.chance.uniform(0.0, 0.5))
        text = live.run.text
        os.kill(first.pid, signal.SIGKILL)
        live.run.join(TWIN_PATIENCE)
        answer = chat.conversation.path()[-1]
        if not answer.content.startswith(text):
            outcome.lost.append("text that had come")
        if not answer.answers or not (answer.answers[-1].ending.is_complete or answer.answers[-1].error):
            outcome.lost.append("a word on the end of the answer")
        second = wait_for_twin(supervisor, first.pid)
        chat.send("Go on.", second.backend)
        if (again := chat.snapshot()[1]) is not None:
            again.run.join(TWIN_PATIENCE)
        if not chat.conversation.path()[-1].content:
            outcome.lost.append("the next answer")
    except PaddockError as error:
        outcome.lost.append(error.message)
    finally:
        supervisor.close()
    return outcome


def wait_for_twin(supervisor: Supervisor, old_process: int | None) -> Ready:
    """Return the state of a twin that is ready, and another process than the old one."""

    def is_there() -> bool:
        return isinstance(supervisor.state, Ready) and supervisor.state.pid != old_process

    wait_for(is_there, TWIN_PATIENCE)
    state = supervisor.state
    if not isinstance(state, Ready):
        raise PaddockError(f"the twin does not start: {state}")
    return state


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", nargs="+", choices=("answer", "import", "experiment", "twin", "browser", "server")
    )
    arguments = parser.parse_args()
    begun = time.monotonic()
    with sync_playwright() as playwright:
        kinds: dict[str, Callable[[Scene], KillOutcome]] = {
            "answer": kill_answer,
            "import": kill_import,
            "experiment": kill_experiment,
            "twin": kill_twin,
            "browser": partial(kill_browser, playwright),
            "server": partial(kill_server, playwright),
        }
        # An experiment is killed four times.
        rounds = 6 * ("answer", "answer", "import") + ("experiment", "twin", "server", "browser")
        names = [name for name in rounds if name in (arguments.only or rounds)]
        counts = run_process_faults(
            arguments.kills, arguments.seed, tuple((name, kinds[name]) for name in names)
        )
    print(f"seed {arguments.seed}: {dict(counts.rounds)} rounds")
    print("kills  survived  lost  unsound  forgotten")
    print(f"{counts.tried:5} {counts.survived:9} {counts.lost:5} {counts.unsound:8} {counts.forgotten:10}")
    if counts.seconds_lost:
        print(
            f"text of running answers that a kill lost: at worst {max(counts.characters_lost):,} "
            f"characters ({max(counts.seconds_lost):.2f} s), in the middle {median(counts.characters_lost):.0f} "
            f"({median(counts.seconds_lost):.2f} s)"
        )
    print(f"{time.monotonic() - begun:.0f} s")
    print(*counts.failures, sep="\n")
    return int(bool(counts.failures))


if __name__ == "__main__":
    sys.exit(main())
