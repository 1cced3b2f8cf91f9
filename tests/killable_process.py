"""Processes that start in hundredths of a second, to be killed: forks of one that has imported everything."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any
from unittest.mock import patch

# No threads run in the process that is forked, unlike in this one.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "tests.faults.core_process",
        "tests.local_models.server_process",
        "tests.runner.experiment_process",
        "tests.store.saving_process",
    ]
)

# Takes a name and a value.
Report = Callable[[str, Any], None]


class KillableProcess:
    """A process that runs ``work(report, *arguments)``, and what it has reported. A context manager that kills it.

    ``work`` is a function of a module; a report is a name and a value.
    """

    def __init__(self, work: Callable[..., None], *arguments: Any) -> None:
        self.reports: list[tuple[str, Any]] = []
        self._receiver, sender = _context.Pipe(duplex=False)
        self._process = _context.Process(target=_run, args=(work, sender, *arguments), daemon=True)
        # The fork would run the file of this process's main module first, which Streamlit's AppTest sets to a page.
        with patch.dict(sys.modules, {"__main__": ModuleType("__main__")}):
            self._process.start()
        sender.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> KillableProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def is_running(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        """Kill it with SIGKILL, and read its last reports."""
        self._process.kill()
        self._process.join()
        self._reader.join()

    def last(self, name: str) -> Any:
        """Return the value of the last report of that name, None without one."""
        return next((value for other, value in reversed(self.reports) if other == name), None)

    def _read(self) -> None:
        with self._receiver:
            while True:
                try:
                    self.reports.append(self._receiver.recv())
                except (EOFError, OSError):  # it has ended, perhaps within a report
                    return


def _run(work: Callable[..., None], sender: Any, *arguments: Any) -> None:
    work(lambda name, value: sender.send((name, value)), *arguments)
