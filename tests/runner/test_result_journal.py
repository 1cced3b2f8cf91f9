"""The journal of a run: changes of a cell that follow each other faster than they are written."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from lib.experiment import plan_grid
from lib.experiment.results.cell_result import Result, Status
from lib.runner.result_journal import ResultJournal
from lib.store.store import Store
from tests.runner import run_fixtures


def test_a_change_that_follows_before_the_cells_first_is_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_fixtures.new_run(store, run_fixtures.numbers_plan(1))
    begun, followed = threading.Event(), threading.Event()
    write = store.cells.write

    def slow_write(*arguments: Any) -> None:
        begun.set()
        assert followed.wait(60)
        write(*arguments)

    monkeypatch.setattr(store.cells, "write", slow_write)
    journal = ResultJournal(store, run_fixtures.OWNER, run.id, lambda results: None)
    result = Result(plan_grid.cell_at(run.plan, 0), Status.DOUBTFUL, None)
    journal.open()
    journal.write(result, None, waiting=True)
    assert begun.wait(60)
    journal.write(result, None, waiting=True)
    followed.set()
    journal.close()
    assert journal.fatal_error is None
    assert store.cells.last_position(run_fixtures.OWNER, run.id) == journal.position == 2
