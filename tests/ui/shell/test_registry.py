"""The registry ends what it began."""

from __future__ import annotations

import threading

from lib.ui.shell.registry import registry
from tests.waiting import wait_until


def test_closing_ends_its_threads() -> None:
    before = set(threading.enumerate())
    made = registry()
    began = set(threading.enumerate()) - before
    assert {"paddock-saver", "paddock-tidy"} <= {thread.name for thread in began}
    made.close()
    wait_until(lambda: not any(thread.is_alive() for thread in began))
