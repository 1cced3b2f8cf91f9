"""Calls in a child process: what they return, and that none takes longer than it may."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lib.jsonkit.child_process import ChildFailed, ChildProcess, DeadlinePassed
from tests.waiting import ends


@pytest.fixture
def child() -> Iterator[ChildProcess]:
    child = ChildProcess()
    yield child
    child.close()


def test_one_process_serves_all_calls(child: ChildProcess) -> None:
    first = child.call("os:getpid", seconds=60)
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.append(child.call("os:getpid", seconds=60)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [first] * 20
    assert child.call("re:escape", "a.é\ud800", seconds=60) == "a\\.é\ud800"


def test_a_regular_expression_without_end_is_ended(child: ChildProcess) -> None:
    child.call("os:getpid", seconds=60)
    with ends(), pytest.raises(DeadlinePassed):
        child.call("re:search", "^(a+)+$", "a" * 40 + "b", seconds=0.5)
    assert child.call("re:escape", ".", seconds=60) == "\\."


def test_other_threads_run_during_a_call(child: ChildProcess) -> None:
    child.call("os:getpid", seconds=60)

    def search() -> None:
        with pytest.raises(DeadlinePassed):
            child.call("re:search", "^(a+)+$", "a" * 40 + "b", seconds=0.5)

    thread = threading.Thread(target=search)
    thread.start()
    ticks = 0
    while thread.is_alive():
        time.sleep(0.01)
        ticks += 1
    assert ticks > 5


@pytest.mark.parametrize(
    "call", [("re:no_such_function",), ("no_such_module:f",), ("re:compile", "("), ("os:_exit", 9)]
)
def test_a_failure_in_the_child(child: ChildProcess, call: tuple[Any, ...]) -> None:
    with pytest.raises(ChildFailed):
        child.call(*call, seconds=60)
    assert child.call("re:escape", ".", seconds=60) == "\\."


def test_a_process_that_is_gone_is_replaced(child: ChildProcess) -> None:
    first = child.call("os:getpid", seconds=60)
    assert child._process is not None
    child._process.kill()
    child._process.wait()
    assert child.call("os:getpid", seconds=60) != first
