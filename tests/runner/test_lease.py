"""Two servers on one database: only one at a time works on a run, and none overwrites what the other has written."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lib.errors import HeldElsewhere
from lib.experiment.results.cell_result import Status
from lib.runner.progress import RunState
from lib.store.lease_store import LEASE_SECONDS
from lib.store.run_store import run_lease
from lib.store.store import Store
from tests.clock import Clock
from tests.killable_process import KillableProcess
from tests.runner import fake_cloud, run_fixtures
from tests.runner.experiment_process import run_experiment
from tests.runner.test_experiment_run import echo_answer
from tests.sample_values import make_backend
from tests.scripted_server import Peer, ReceivedRequest, ScriptedServer
from tests.waiting import wait_until


@pytest.mark.parametrize("billed", [False, True], ids=["free", "billed"])
def test_a_run_is_not_resumed_while_another_server_works_on_it(
    stores: tuple[Store, Store], clock: Clock, *, billed: bool
) -> None:
    first, second = stores
    limits = replace(run_fixtures.QUICK_LIMITS, concurrency=2, requests=10)
    may_end = threading.Event()

    def answer_three(peer: Peer, request: ReceivedRequest) -> None:
        if request.json()["messages"][-1]["content"] not in ("Number 0", "Number 1", "Number 2"):
            may_end.wait(run_fixtures.PATIENCE)
        echo_answer(peer, request)

    with ScriptedServer(answer_three) as server:
        backend = replace(make_backend(server.url), billed=billed)
        run = run_fixtures.new_run(first, run_fixtures.numbers_plan(20, limits))
        opened_before = run_fixtures.reload_run(second, run)
        run.start(backend)
        wait_until(lambda: len(run.results()) == 3, run_fixtures.PATIENCE)
        clock.now += LEASE_SECONDS - 1
        opened_meanwhile = run_fixtures.reload_run(second, run)
        assert opened_meanwhile.state is RunState.ELSEWHERE
        for other in (opened_before, opened_meanwhile):
            with pytest.raises(HeldElsewhere, match="Another Paddock server is working on this run"):
                other.start(backend)
            with pytest.raises(HeldElsewhere):
                other.set_limits(replace(limits, requests=100))
            with pytest.raises(HeldElsewhere):
                other.retry_unfinished(backend)
        may_end.set()
        assert run_fixtures.wait_for_run(run).state is RunState.BUDGET
        # What the second server loaded before is outdated: it would ask again, beyond the budget.
        for other in (opened_before, opened_meanwhile):
            with pytest.raises(HeldElsewhere, match="Another Paddock server has continued this run"):
                other.start(backend)
            assert other.is_outdated
            with pytest.raises(HeldElsewhere):
                other.set_limits(replace(limits, requests=100))
        again = run_fixtures.reload_run(second, run)
        again.start(backend)
        assert run_fixtures.wait_for_run(again).state is RunState.BUDGET
        assert len(server.requests) == 10
    assert again.latest() == run.latest()


def test_a_server_that_lost_a_run_sends_and_writes_nothing_more(
    stores: tuple[Store, Store], clock: Clock
) -> None:
    """The first server stands still in mid-request until its lease has expired and the second has gone on."""
    first, second = stores
    answer_now = threading.Event()

    def wait_for_release(peer: Peer, request: ReceivedRequest) -> None:
        if request.json()["messages"][-1]["content"] == "Number 0":
            answer_now.wait(run_fixtures.PATIENCE)
        echo_answer(peer, request)

    limits = replace(run_fixtures.QUICK_LIMITS, concurrency=1)
    with ScriptedServer(wait_for_release) as slow, fake_cloud.run_fake_cloud() as quick:
        run = run_fixtures.new_run(first, run_fixtures.numbers_plan(5, limits))
        run.start(make_backend(slow.url))
        wait_until(lambda: len(slow.requests) == 1, run_fixtures.PATIENCE)
        clock.now += LEASE_SECONDS
        taken_over = run_fixtures.reload_run(second, run)
        assert taken_over.state is RunState.INTERRUPTED
        taken_over.start(make_backend(quick.url))
        assert run_fixtures.wait_for_run(taken_over).state is RunState.DONE
        answer_now.set()
        assert run_fixtures.wait_for_run(run).state is RunState.FAILED
        assert len(slow.requests) == 1, "it sends nothing more"
    error = run.progress().error
    assert isinstance(error, HeldElsewhere)
    assert "took over this run" in error.message
    assert run.is_outdated
    stored = run_fixtures.reload_run(second, run)
    assert stored.state is RunState.DONE
    assert stored.latest() == taken_over.latest()


def test_the_state_of_a_held_run_is_its_holders(stores: tuple[Store, Store]) -> None:
    first, second = stores
    run = run_fixtures.new_run(first, run_fixtures.numbers_plan(1))
    first.leases.take(run_lease(run.id))

    def update(store: Store, state: RunState) -> bool:
        return store.runs.update(
            run.owner, run.id, state=state.value, error=None, backend="", billed=False, limits=run.limits
        )

    with pytest.raises(HeldElsewhere):
        update(second, RunState.PAUSED)
    assert update(first, RunState.RUNNING)
    first.leases.release(run_lease(run.id))
    assert update(second, RunState.PAUSED)


def test_a_second_process(tmp_path: Path) -> None:
    """A run of another process cannot be resumed while that process lives, and at once after it was killed."""
    database = f"sqlite:///{tmp_path}/paddock.sqlite3"
    limits = replace(run_fixtures.QUICK_LIMITS, concurrency=2)
    with closing(Store(database)) as store, fake_cloud.run_fake_cloud((0.02, 0.04)) as server:
        backend = replace(make_backend(server.url), billed=False)
        run = run_fixtures.new_run(store, run_fixtures.numbers_plan(3_000, limits))
        with KillableProcess(run_experiment, database, server.url, run.id, False):
            wait_until(lambda: server.bill().requests > 5, run_fixtures.PATIENCE)
            with pytest.raises(HeldElsewhere):
                run.start(backend)
        again = run_fixtures.reload_run(store, run)
        assert again.state is RunState.INTERRUPTED
        again.start(backend)
        wait_until(lambda: server.bill().requests > 20, run_fixtures.PATIENCE)
        again.stop()
        run_fixtures.wait_for_run(again)
    assert {result.status for result in again.results()} <= {Status.ANSWERED, Status.DOUBTFUL}
