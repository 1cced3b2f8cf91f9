"""The page on the real twin: from an empty page to an answer, Stop, a twin that dies, and a killed app."""

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

from tests.page.app_process import AppProcess
from tests.page.browser_tab import FIRST_DRAW_TIMEOUT, TIMEOUT, BrowserTab
from tests.page.conftest import Visit

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")

LONG = "Write a very long story about a horse, with many chapters."


@dataclass(frozen=True)
class TwinProcess:
    """The twin's process, as /proc shows it, and the endpoint that counts its slots."""

    pid: int
    port: int
    account: str
    token: str

    @property
    def running_count(self) -> int:
        """Return the number of generations that hold a slot."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/client/v4/accounts/{self.account}/ai/paddock/slots",
            headers={"authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return int(json.load(response)["result"]["running"])


def twin_pids(pid: int) -> list[int]:
    """Return the ids of the twins that this process started."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *_ = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if int(parent) == pid and state != "Z" and "lib.twin" in command:
            pids.append(int(stat.parent.name))
    return pids


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(what: str, condition: Callable[[], object], patience: float = TIMEOUT) -> None:
    """Wait for a condition that no page shows."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.02)


def find_twin(app: AppProcess, tab: BrowserTab) -> TwinProcess:
    """Return the twin behind that page, once it is up."""
    tab.wait_until(
        "the twin is up",
        lambda: "on this computer (" in tab.by_key("place").inner_text(),
        FIRST_DRAW_TIMEOUT,
    )
    (pid,) = twin_pids(app.process.pid)
    variables = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    environment = dict(line.split("=", 1) for line in variables if "=" in line)
    account, token = environment["PADDOCK_TWIN_ACCOUNT"], environment["PADDOCK_TWIN_TOKEN"]
    # The engine in the twin has its own port.
    for port in listening_ports(pid):
        twin = TwinProcess(pid, port, account, token)
        try:
            assert twin.running_count >= 0
        except OSError:
            continue
        return twin
    raise AssertionError("the twin answers nowhere")


def listening_ports(pid: int) -> list[int]:
    """Return the ports at which the process listens."""
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
def tab(visit: Visit, twin_app: AppProcess) -> BrowserTab:
    """Open an empty page whose twin is up."""
    tab = visit(twin_app.url)
    tab.wait_until("the twin is up", lambda: "on this computer (" in tab.by_key("place").inner_text(), 90)
    return tab


def set_max_tokens(tab: BrowserTab, value: int) -> None:
    tab.number_box("max_tokens").fill(str(value))
    tab.number_box("max_tokens").press("Enter")
    # Two sliders exist for a moment: the twin's context window changes the slider's end, and so its key.
    values = "sliders => sliders.map(slider => slider.value)"
    tab.wait_until("it is set", lambda: tab.slider("max_tokens").evaluate_all(values) == [str(value)])


def test_from_an_empty_page_to_an_answer(tab: BrowserTab) -> None:
    set_max_tokens(tab, 24)
    tab.send("What is a horse?")
    line = tab.wait_until("an answer", lambda: tab.figures())
    assert tab.answer_text()
    prompt, completion, cost = line.split(" · ")[:3]
    assert int(prompt.removeprefix("read ")) > 5
    assert 1 <= int(completion.removeprefix("wrote ").removesuffix(" tokens")) <= 24
    assert cost.startswith("would cost $0.00000")
    assert "≈" not in line


def test_stop_frees_the_twins_slot(tab: BrowserTab, twin_app: AppProcess) -> None:
    twin = find_twin(twin_app, tab)
    set_max_tokens(tab, 4000)
    tab.send(LONG)
    tab.wait_for_growth(40)
    assert twin.running_count == 1
    tab.stop_by_escape()
    wait_until("a free slot", lambda: twin.running_count == 0)
    tab.wait_for_end("stopped")
    assert tab.answer_text()


def test_a_twin_that_dies_is_started_again(tab: BrowserTab, twin_app: AppProcess) -> None:
    before = find_twin(twin_app, tab)
    set_max_tokens(tab, 4000)
    tab.send(LONG)
    tab.wait_for_growth(40)
    os.kill(before.pid, signal.SIGKILL)
    tab.wait_for_end("cut off")
    tab.wait_until("what came", lambda: len(tab.answer_text()) >= 40)
    tab.wait_for_answer_part("The answer was cut off")
    wait_until("another twin", lambda: twin_pids(twin_app.process.pid) not in ([], [before.pid]))
    tab.wait_until(
        "the twin is up",
        lambda: "on this computer (" in tab.by_key("place").inner_text(),
        FIRST_DRAW_TIMEOUT,
    )
    tab.wait_until_idle()
    set_max_tokens(tab, 16)
    after = find_twin(twin_app, tab)
    assert (after.port, after.token) == (before.port, before.token)
    tab.answers.last.get_by_role("button", name="Retry").first.click()
    tab.wait_until("another answer", lambda: "2/2" in tab.answers.last.inner_text())
    tab.wait_until("its end", lambda: "would cost" in tab.figures())
    tab.wait_until("text", lambda: tab.answer_text())
    tab.wait_until("no error", lambda: tab.alerts.count() == 0)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_twin_outlives_its_app(visit: Visit, tmp_path: Path, how: signal.Signals) -> None:
    with AppProcess({}, tmp_path / "log") as app:
        tab = visit(app.url)
        twin = find_twin(app, tab)
        tab.send(LONG)
        tab.wait_for_growth(20)
        tab.page.close()
        app.process.send_signal(how)
        app.process.wait(TIMEOUT)
        wait_until("the twin is gone", lambda: not is_alive(twin.pid))
