"""The page on the real twin: from an empty page to an answer, Stop, a twin that dies, an app that is killed."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.page.app_process import Application
from tests.page.conftest import Visit
from tests.page.visitor import FIRST, PATIENCE, Visitor

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")

LONG = "Write a very long story about a horse, with many chapters."


@dataclass(frozen=True)
class Twin:
    """The twin's process, as /proc shows it, and the endpoint that counts its slots."""

    pid: int
    port: int
    account: str
    token: str

    @property
    def running(self) -> int:
        """Generations that hold a slot."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/client/v4/accounts/{self.account}/ai/paddock/slots",
            headers={"authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return int(json.load(response)["result"]["running"])


def children(pid: int) -> list[int]:
    """The twins that this process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *_ = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if int(parent) == pid and state != "Z" and "lib.twin" in command:
            found.append(int(stat.parent.name))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(what: str, condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """For what no page shows."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.02)


def twin_of(app: Application, tab: Visitor) -> Twin:
    """The twin behind that page, once it is up."""
    tab.until("the twin is up", lambda: "on this machine, free" in tab.key("place").inner_text(), FIRST)
    (pid,) = children(app.process.pid)
    variables = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    environment = dict(line.split("=", 1) for line in variables if "=" in line)
    account, token = environment["PADDOCK_TWIN_ACCOUNT"], environment["PADDOCK_TWIN_TOKEN"]
    for port in listens_at(pid):  # the engine in it has one of its own
        twin = Twin(pid, port, account, token)
        try:
            assert twin.running >= 0
        except OSError:
            continue
        return twin
    raise AssertionError("the twin answers nowhere")


def listens_at(pid: int) -> list[int]:
    """The ports at which the process listens."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(entry))
        except OSError:
            continue
    lines = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return [
        int(line[1].partition(":")[2], 16)
        for line in lines
        if line[3] == "0A" and f"socket:[{line[9]}]" in sockets
    ]


@pytest.fixture
def tab(visit: Visit, twin_app: Application) -> Visitor:
    """An empty page whose twin is up."""
    tab = visit(twin_app.url)
    tab.until("the twin is up", lambda: tab.page.locator(".st-key-starter0 button:enabled").count(), 90)
    return tab


def set_max_tokens(tab: Visitor, value: int) -> None:
    tab.number("max_tokens").fill(str(value))
    tab.number("max_tokens").press("Enter")
    tab.until("it is set", lambda: tab.slider("max_tokens").input_value() == str(value))


def test_from_an_empty_page_to_an_answer(tab: Visitor) -> None:
    set_max_tokens(tab, 24)
    tab.say("What is a horse?")
    line = tab.until("an answer", lambda: tab.figures())
    assert tab.text()
    prompt, completion, cost = line.split(" · ")[:3]
    assert int(prompt.removesuffix(" in")) > 5
    assert 1 <= int(completion.removesuffix(" out")) <= 24
    assert cost.startswith("would cost $0.00000")
    assert "≈" not in line


def test_stop_frees_the_twins_slot(tab: Visitor, twin_app: Application) -> None:
    twin = twin_of(twin_app, tab)
    set_max_tokens(tab, 4000)
    tab.say(LONG)
    tab.grows(40)
    assert twin.running == 1
    tab.page.keyboard.press("Escape")
    eventually("a free slot", lambda: twin.running == 0)
    tab.ended("stopped")
    assert tab.text()


def test_a_twin_that_dies_is_started_again(tab: Visitor, twin_app: Application) -> None:
    before = twin_of(twin_app, tab)
    set_max_tokens(tab, 4000)
    tab.say(LONG)
    tab.grows(40)
    os.kill(before.pid, signal.SIGKILL)
    tab.ended("cut off")
    tab.until("what came", lambda: len(tab.text()) >= 40)
    tab.says("The answer was cut off")
    eventually("another twin", lambda: children(twin_app.process.pid) not in ([], [before.pid]))
    tab.until("the twin is up", lambda: "on this machine, free" in tab.key("place").inner_text(), FIRST)
    tab.rest()
    set_max_tokens(tab, 16)
    after = twin_of(twin_app, tab)
    assert (after.port, after.token) == (before.port, before.token)
    tab.answers.last.get_by_role("button", name="Retry").first.click()
    tab.until("another answer", lambda: "2/2" in tab.answers.last.inner_text())
    tab.until("its end", lambda: "would cost" in tab.figures())
    tab.until("text", lambda: tab.text())
    tab.until("no error", lambda: tab.alert.count() == 0)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_twin_outlives_its_app(visit: Visit, tmp_path: Path, how: signal.Signals) -> None:
    with Application({}, tmp_path / "log") as app:
        tab = visit(app.url)
        twin = twin_of(app, tab)
        tab.say(LONG)
        tab.grows(20)
        tab.page.close()
        app.process.send_signal(how)
        app.process.wait(PATIENCE)
        eventually("the twin is gone", lambda: not alive(twin.pid))
