"""Identical requests are sent once: across runs, within a run, and after failures, pauses and stops."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Plan
from lib.experiment.results.cell_result import Status
from lib.store.store import Store
from tests.runner import fake_cloud, run_fixtures
from tests.sample_values import make_backend


def test_the_same_request_with_a_seed_is_answered_from_the_store(store: Store) -> None:
    with fake_cloud.run_fake_cloud() as server:
        first = run_fixtures.new_run(store, run_fixtures.numbers_plan(10, seed=7))
        first.start(make_backend(server.url))
        run_fixtures.wait_for_run(first)
        second = run_fixtures.new_run(store, run_fixtures.numbers_plan(12, seed=7))
        second.start(make_backend(server.url))
        progress = run_fixtures.wait_for_run(second).progress()
        assert (progress.answered, progress.stored, progress.requests) == (12, 10, 2)
        assert [result.answer.text for result in first.latest() if result.answer] == [
            result.answer.text for result in second.latest()[:10] if result.answer
        ]
        assert second.latest()[0].cost == 0
        others = run_fixtures.new_run(store, run_fixtures.numbers_plan(10, seed=7), owner="bob")
        others.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(others).progress().stored == 0
        unseeded = run_fixtures.new_run(store, run_fixtures.numbers_plan(10))
        unseeded.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(unseeded).progress().stored == 0


def repetitive_plan(rows: int, different: int) -> Plan:
    """Return a plan with a seed in which each of ``different`` requests occurs several times."""
    plan = run_fixtures.numbers_plan(rows, seed=7)
    return replace(plan, inputs=Inputs(("n",), tuple((str(number % different),) for number in range(rows))))


@pytest.mark.parametrize("different", [1, 3, 40])
def test_of_requests_that_are_alike_one_is_asked(store: Store, different: int) -> None:
    with fake_cloud.run_fake_cloud((0.0, 0.01)) as server:
        run = run_fixtures.new_run(store, repetitive_plan(700, different))
        run.start(make_backend(server.url))
        progress = run_fixtures.wait_for_run(run).progress()
        assert server.bill().requests == different == progress.requests
    assert (progress.answered, progress.stored, progress.failed) == (700, 700 - different, 0)
    for result in run.latest():
        assert result.answer is not None
        assert result.answer.text == f"Answer to Number {result.cell.row % different}"
        assert result.answer.request.input.turns[-1].content == f"Number {result.cell.row % different}"  # type: ignore[union-attr]
    assert sum(result.cost > 0 for result in run.latest()) == different
    assert [result.status for result in run_fixtures.reload_run(store, run).latest()] == [
        Status.ANSWERED
    ] * 700


def test_where_one_fails_the_next_one_like_it_is_asked(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.0, 0.01), 0.5, ("broken", "page", "reset"), seed=3) as server:
        run = run_fixtures.new_run(
            store, replace(repetitive_plan(60, 3), limits=replace(run_fixtures.QUICK_LIMITS, attempts=1))
        )
        run.start(make_backend(server.url))
        progress = run_fixtures.wait_for_run(run).progress()
        bill = server.bill()
    assert progress.answered + progress.failed == 60
    assert progress.failed > 0 < progress.stored
    assert all(count == 1 for count in bill.answered.values()), (
        "answered once, the others have it from the store"
    )


def test_a_pause_and_a_stop_leave_none_of_those_that_are_alike_behind(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.02, 0.05)) as server:
        run = run_fixtures.new_run(store, repetitive_plan(200, 100))
        for end in (run.pause, run.stop):
            run.start(make_backend(server.url))
            while run.progress().in_flight < 4:
                time.sleep(0.001)
            end()
            run_fixtures.wait_for_run(run)
        run.start(make_backend(server.url))
        run_fixtures.wait_for_run(run)
        run.retry_unfinished(make_backend(server.url))
        progress = run_fixtures.wait_for_run(run).progress()
    assert (progress.answered, progress.doubtful) == (200, 0)
    assert progress.stored >= 100
