"""Let sessions use Paddock for a long time. ``python -m bench.faults.soak --sessions 20 --minutes 60 --seed 1``

Each session speaks Streamlit's protocol over a WebSocket, as a browser does: it chats with a scripted upstream,
begins new chats, switches pages, runs small experiments, and sometimes goes and comes back. The server's memory,
threads and file handles are printed over time, with their slope after the first third. Exit status 1 if a session
fails, or if threads or handles grow. Linux.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from lib.ui.chat.chat_tab import MESSAGE_KEY
from lib.ui.shell import server_state
from tests.page.app_process import AppProcess
from tests.page.upstream import StreamReply, Upstream, numbered_words

PATIENCE = 180.0  # seconds until a session that gets no answer fails
MAX_TURNS = 8  # of a chat
MAX_GROWTH = 8  # threads or handles that the measured part may gain
ANSWER = "".join(numbered_words(count=60))
ACTIONS = {"chat": 6, "switch": 4, "new chat": 1, "experiment": 1, "reconnect": 1}


@dataclass(frozen=True)
class Sample:
    """The server at one moment: seconds since the start, megabytes, threads, file handles."""

    seconds: float
    memory: float
    threads: int
    handles: int


class Session:
    """A browser without a page. ``widgets`` are the ids of what the page shows, by key."""

    def __init__(self, app: AppProcess, chance: random.Random) -> None:
        self._app, self._chance = app, chance
        self.done: Counter[str] = Counter()
        self.failure = ""
        self._exit = ExitStack()
        self._connect()

    def _connect(self) -> None:
        self._query, self._page, self._turns = "", "", 0
        self._pages: dict[str, str] = {}
        self._widgets: dict[str, str] = {}
        address = f"ws://127.0.0.1:{self._app.port}/_stcore/stream"
        connection = connect(
            address,
            subprotocols=[Subprotocol("streamlit")],
            origin=Origin(self._app.url),
            max_size=None,
            open_timeout=PATIENCE,
        )
        self._socket: ClientConnection = self._exit.enter_context(connection)
        self._run()

    def _run(self, *states: WidgetState) -> None:
        """Run the page's script with these new values of widgets, and read what it draws until it ends."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._page
        state.widget_states.widgets.extend(states)
        self._socket.send(message.SerializeToString())
        self._widgets.clear()
        while True:
            received = ForwardMsg()
            received.ParseFromString(self._socket.recv(PATIENCE))
            match received.WhichOneof("type"):
                case "navigation":
                    self._pages = {
                        page.page_name: page.page_script_hash for page in received.navigation.app_pages
                    }
                case "page_info_changed":
                    self._query = received.page_info_changed.query_string
                case "delta":
                    self._note_widget(received)
                case "script_finished" if received.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    return

    def _note_widget(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind in ("button", "chat_input"):
            widget = getattr(element, kind)
            # $$ID-hash-key
            if not widget.disabled:
                self._widgets[widget.id.split("-", 2)[2]] = widget.id

    def _click(self, key: str) -> bool:
        """Click the button of that key. Return False if the page has none."""
        if (id := self._widgets.get(key)) is None:
            return False
        self._run(WidgetState(id=id, trigger_value=True))
        return True

    def _go_to(self, name: str) -> None:
        self._page, self._query = self._pages[name], ""
        self._run()

    def act(self) -> None:
        """Do something that a user does."""
        (action,) = self._chance.choices([*ACTIONS], [*ACTIONS.values()])
        match action:
            case "chat" | "new chat":
                if MESSAGE_KEY not in self._widgets:
                    self._go_to("Chat")
                if action == "new chat" or self._turns >= MAX_TURNS:
                    self._click("new")
                    self._turns = 0
                state = WidgetState(id=self._widgets[MESSAGE_KEY])
                state.chat_input_value.data = f"Question {self._chance.random()}"
                self._run(state)
                self._turns += 1
            case "switch":
                self._go_to(self._chance.choice([*self._pages]))
            case "experiment":
                self._go_to("Experiment")
                self._click("experiment-new")
                self._click("experiment-sample-0")
                if not self._click("run-start"):
                    action = "experiment without a start"
            case "reconnect":
                self._exit.close()
                self._connect()
        urllib.request.urlopen(f"{self._app.url}{server_state.PATH}", timeout=PATIENCE).close()
        self.done[action] += 1

    def act_until(self, end: float, pause: float) -> None:
        """Act until that moment, with pauses. Note a failure."""
        try:
            while time.monotonic() < end:
                self.act()
                time.sleep(self._chance.uniform(0.5, 1.5) * pause)
            self._exit.close()
        except Exception:
            self.failure = traceback.format_exc()


def take_sample(process: int, begun: float) -> Sample:
    status = Path(f"/proc/{process}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    memory = int(fields["VmRSS"].split()[0]) / 1024
    return Sample(
        time.monotonic() - begun, memory, int(fields["Threads"]), len(os.listdir(f"/proc/{process}/fd"))
    )


def print_samples(samples: list[Sample]) -> bool:
    """Print the samples, and the slope of each figure after the first third. Return True if something grows."""
    print("minutes  memory in MB  threads  handles")
    for sample in samples[:: max(len(samples) // 20, 1)]:
        print(f"{sample.seconds / 60:7.1f} {sample.memory:13.1f} {sample.threads:8} {sample.handles:8}")
    measured = samples[len(samples) // 3 :]
    seconds = [sample.seconds for sample in measured]
    grows = False
    for name in ("memory", "threads", "handles"):
        values = [float(getattr(sample, name)) for sample in measured]
        slope, start = statistics.linear_regression(seconds, values)
        noise = statistics.pstdev(
            [value - start - slope * at for at, value in zip(seconds, values, strict=True)]
        )
        growth = slope * (seconds[-1] - seconds[0])
        grows = grows or (name != "memory" and growth > MAX_GROWTH and growth > 2 * noise)
        print(f"{name}: {slope * 3600:+.1f} an hour, {growth:+.1f} in the measured part, noise ±{noise:.1f}")
    return grows


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=10.0, help="seconds between two actions of a session")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    upstream = Upstream()
    upstream.plan_replies(*100_000 * [StreamReply(ANSWER, rate=200.0)])
    with (
        tempfile.TemporaryDirectory(prefix="paddock-soak-") as folder,
        AppProcess(upstream.environment(), Path(folder) / "log") as app,
    ):
        begun = time.monotonic()
        end = begun + 60 * arguments.minutes
        sessions = [
            Session(app, random.Random(f"{arguments.seed}/{number}")) for number in range(arguments.sessions)
        ]
        threads = [
            threading.Thread(target=session.act_until, args=(end, arguments.pause)) for session in sessions
        ]
        for thread in threads:
            thread.start()
        samples = []
        while time.monotonic() < end:
            samples.append(take_sample(app.process.pid, begun))
            time.sleep(10)
        for thread in threads:
            thread.join()
        tracebacks = app.log.count("Traceback")
    upstream.close()
    done = sum((session.done for session in sessions), Counter[str]())
    print(f"seed {arguments.seed}: {arguments.sessions} sessions, {arguments.minutes:g} minutes")
    print(", ".join(f"{count} {action}" for action, count in sorted(done.items())))
    grows = print_samples(samples)
    failures = [session.failure for session in sessions if session.failure]
    print(f"{len(failures)} sessions failed, {tracebacks} tracebacks in the log")
    print(*failures[:3], sep="\n")
    return int(bool(failures) or grows or bool(tracebacks))


if __name__ == "__main__":
    sys.exit(main())
