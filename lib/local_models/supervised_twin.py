"""A twin in a process of its own: it is started again when it dies, and its state is known here.

A fault in the twin's engine aborts its whole process, so it cannot run inside the app. The twin reports in lines of
JSON on standard output. It ends when its standard input is closed, which also happens when the app is killed.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.api.backend import Backend, Secret, twin_backend
from lib.system.child_environment import child_environment

ROOT = Path(__file__).resolve().parents[2]

# A twin that ran this long is stable: the count of quick deaths starts at zero again.
STABLE_SECONDS = 30.0
MAX_QUICK_DEATHS = 5


@dataclass(frozen=True)
class Fetching:
    """The weights are being downloaded: bytes received, and bytes in total."""

    done: int
    total: int


@dataclass(frozen=True)
class Loading:
    """The twin is starting."""


@dataclass(frozen=True)
class Ready:
    """The twin is up; ``file`` is the file name of its weights, ``pid`` its process.

    ``mark`` is the text that the model's licence wants wherever it answers, "" for most models.
    """

    backend: Backend
    file: str
    pid: int
    mark: str = ""


@dataclass(frozen=True)
class Failed:
    """The twin cannot run."""

    reason: str
    advice: str


TwinState = Fetching | Loading | Ready | Failed


class SupervisedTwin:
    """A twin with one model: an id of the catalogue, a path, or "" for the one that the environment names.

    It runs from ``start`` to ``close``, or until it has answered its last request after ``finish``.
    """

    def __init__(self, model: str = "") -> None:
        self.model = model
        # The same after a restart, so that a retried request finds the twin at its old address.
        self._token = secrets.token_urlsafe(32)
        self.account_id = secrets.token_hex(16)
        self._port = 0
        self._state: TwinState = Loading()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> TwinState:
        return self._state

    @property
    def is_started(self) -> bool:
        return self._thread is not None

    @property
    def pid(self) -> int | None:
        """The id of its process, None before the first one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the twin if it is not running; also after it failed."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._state = Loading()
                self._closing.clear()
                self._thread = threading.Thread(target=self._run, name="paddock-supervisor", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the twin and wait for its process."""
        self._closing.set()
        if (process := self._process) is not None:
            _end_process(process)
        if (thread := self._thread) is not None:
            thread.join(10)

    def finish(self) -> None:
        """Let the twin end as soon as it answers no request, and wait for that."""
        self._closing.set()
        if (process := self._process) is not None and process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                # Any text: lib.twin ends once it is idle.
                process.stdin.write("finish\n")
                process.stdin.flush()
        if (thread := self._thread) is not None:
            thread.join()

    def _run(self) -> None:
        quick_deaths = 0
        while not self._closing.is_set():
            started = time.monotonic()
            self._run_once()
            if self._closing.is_set() or isinstance(self._state, Failed):
                return
            quick_deaths = quick_deaths + 1 if time.monotonic() - started < STABLE_SECONDS else 0
            if quick_deaths >= MAX_QUICK_DEATHS:
                self._state = Failed(
                    f"The model on this computer stopped {quick_deaths} times in a row right after it started.",
                    "Run “python -m lib.twin” in a terminal to see why, or use another model.",
                )
                return
            self._state = Loading()
            self._closing.wait(min(0.1 * 2**quick_deaths, 5.0) if quick_deaths > 1 else 0)

    def _run_once(self) -> None:
        """Start the process and follow its reports until it ends."""
        command = [sys.executable, "-m", "lib.twin", "--supervised", "--port", str(self._port)]
        if self.model:
            command.append(f"--model={self.model}")
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                # pip: the twin downloads its weights by pip.
                env=child_environment(
                    pip=True,
                    PADDOCK_TWIN_TOKEN=self._token,
                    PADDOCK_TWIN_ACCOUNT=self.account_id,
                    PYTHONUNBUFFERED="1",
                ),
                text=True,
                encoding="utf-8",
                errors="replace",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            self._state = Failed(
                f"The model on this computer cannot be started: {error.strerror}.",
                "Close other programs, then retry.",
            )
            return
        self._process = process
        if self._closing.is_set():
            # close() has not seen this process.
            _end_process(process)
        assert process.stdout is not None  # noqa: S101 (it is a pipe)
        with process.stdout:
            for line in process.stdout:
                with contextlib.suppress(ValueError, KeyError, TypeError):  # a library's own chatter
                    self._report(json.loads(line))
        _end_process(process)

    def _report(self, report: dict[str, Any]) -> None:
        match report["state"]:
            case "fetching":
                self._state = Fetching(report["done"], report["total"])
            case "loading":
                self._state = Loading()
            case "ready":
                backend = twin_backend(
                    report["base_url"],
                    report["account_id"],
                    Secret(self._token),
                    report["model"],
                    report["context_window"],
                )
                self._port = int(backend.base_url.partition("//")[2].partition("/")[0].rpartition(":")[2])
                self._state = Ready(backend, report["file"], report["pid"], report["mark"])
            case "failed":
                self._state = Failed(report["reason"], report["advice"])


def _end_process(process: subprocess.Popen[str]) -> None:
    """Close the standard input, which ends the process; kill it if it is still there after 5 seconds."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
