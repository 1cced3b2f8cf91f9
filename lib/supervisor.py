"""Supervisor: keeps the twin's process alive beside the app, and knows at any moment how it stands.

The twin runs in a process of its own, for a fault of its engine aborts the process that it is in. It reports in
lines of JSON on its standard output, and ends by itself when its standard input does: also when the app is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.api.backend import Backend, Secret, twin_backend

ROOT = Path(__file__).resolve().parent.parent

# A twin that lived this long was sound: the count of quick deaths begins anew.
STABLE_SECONDS = 30.0
MAX_QUICK_DEATHS = 5


@dataclass(frozen=True)
class Fetching:
    """The weights are on their way: bytes that came, of how many."""

    done: int
    total: int


@dataclass(frozen=True)
class Loading:
    """The twin is starting."""


@dataclass(frozen=True)
class Ready:
    """The twin answers at that backend; ``file`` is its weights' file name, ``pid`` its process."""

    backend: Backend
    file: str
    pid: int


@dataclass(frozen=True)
class Failed:
    """The twin cannot run: why, and what to do."""

    reason: str
    advice: str


TwinState = Fetching | Loading | Ready | Failed


class Supervisor:
    """Starts the twin, starts it again when it dies, and ends it with the app."""

    def __init__(self) -> None:
        # Kept over restarts, so that a request which meets a restart finds the twin at its old address.
        self._token = secrets.token_urlsafe(32)
        self._account_id = secrets.token_hex(16)
        self._port = 0
        self._state: TwinState = Loading()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> TwinState:
        """How the twin stands."""
        return self._state

    @property
    def is_started(self) -> bool:
        """Whether anybody has asked for the twin yet."""
        return self._thread is not None

    def start(self) -> None:
        """Start the twin unless it is up already, or after it failed."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._state = Loading()
                self._closing.clear()
                self._thread = threading.Thread(target=self._keep, name="paddock-supervisor", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the twin and wait until it is gone."""
        self._closing.set()
        if (process := self._process) is not None:
            _end(process)
        if (thread := self._thread) is not None:
            thread.join(10)

    def _keep(self) -> None:
        quick_deaths = 0
        while not self._closing.is_set():
            begun = time.monotonic()
            self._once()
            if self._closing.is_set() or isinstance(self._state, Failed):
                return
            quick_deaths = quick_deaths + 1 if time.monotonic() - begun < STABLE_SECONDS else 0
            if quick_deaths >= MAX_QUICK_DEATHS:
                self._state = Failed(
                    f"The twin ended {quick_deaths} times in a row just after its start.",
                    "Run “python -m lib.twin” in a terminal: it says why. PADDOCK_MODEL may name a broken file.",
                )
                return
            self._state = Loading()
            self._closing.wait(min(0.1 * 2**quick_deaths, 5.0) if quick_deaths > 1 else 0)

    def _once(self) -> None:
        """One life of the process: follow its reports until it ends."""
        command = [sys.executable, "-m", "lib.twin", "--supervised", "--port", str(self._port)]
        environment = os.environ | {
            "PADDOCK_TWIN_TOKEN": self._token,
            "PADDOCK_TWIN_ACCOUNT": self._account_id,
            "PYTHONUNBUFFERED": "1",
        }
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                text=True,
                encoding="utf-8",
                errors="replace",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            self._state = Failed(
                f"The twin's process cannot be started: {error.strerror}.", "Free memory, then retry."
            )
            return
        self._process = process
        assert process.stdout is not None  # noqa: S101 (it is a pipe)
        for line in process.stdout:
            with contextlib.suppress(ValueError, KeyError, TypeError):  # a library's own chatter
                self._report(json.loads(line))
        _end(process)

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
                self._state = Ready(backend, report["file"], report["pid"])
            case "failed":
                self._state = Failed(report["reason"], report["advice"])


def _end(process: subprocess.Popen[str]) -> None:
    """Close the process's input, which ends it; kill it where that does not."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
