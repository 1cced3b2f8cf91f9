"""Experiment runs against a server process: requests, costs and endings."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from lib.api.backend import Secret
from lib.api.client import WorkersAI
from lib.api.transport import Timeouts
from lib.errors import BadInput, CredentialsRefused, RateLimited
from lib.experiment.checks.check_kinds import Contains, Judge
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Limits, Plan
from lib.experiment.results.cell_result import Status
from lib.runner.experiment_run import ExperimentRun
from lib.runner.progress import RunState
from lib.runner.worker import JUDGE_IN_DOUBT, NO_BUDGET
from lib.store import CellChange, Store
from tests import scripted_server
from tests.runner import fake_cloud, run_fixtures
from tests.runner.budget_overrun import measure_overrun
from tests.sample_values import make_backend
from tests.scripted_server import Peer, ReceivedRequest, ScriptedServer

PATIENCE = 60.0


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/paddock.sqlite3")


def wait_for_run(batch: ExperimentRun) -> ExperimentRun:
    assert batch.join(PATIENCE), batch.progress()
    return batch


def echo_answer(peer: Peer, request: ReceivedRequest) -> None:
    """Answer with the text of the last message."""
    text = request.json()["messages"][-1]["content"]
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    peer.send(
        scripted_server.response_head(kind="application/json")
        + fake_cloud.success_body({"response": text, "usage": usage})
    )


def test_every_cell_once_over_few_connections(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.0, 0.02), trouble=0.2, faults=("closes",)) as server:
        batch = run_fixtures.new_run(store, run_fixtures.numbers_plan(200))
        batch.start(make_backend(server.url))
        wait_for_run(batch)
        bill = server.bill()
    assert batch.state is RunState.DONE
    assert set(bill.asked.values()) == {1}, (
        "a connection that the server closed neither loses nor doubles one"
    )
    assert len(bill.asked) == 200
    assert bill.max_at_once <= 8
    assert bill.connections < 8 + 80
    progress = batch.progress()
    assert (progress.answered, progress.reserved, progress.in_flight) == (200, 0, 0)
    assert progress.requests >= 200, "one that went into a closing connection counts: nobody here can know"
    assert progress.dollars == bill.dollars(run_fixtures.MODEL.price)
    assert [one.cell.number for one in batch.latest()] == list(range(200))
    assert all(one.passed for one in batch.results())
    assert run_fixtures.reload_run(store, batch).latest() == batch.latest(), (
        "and so it stands in the database"
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_budget_is_never_exceeded(tmp_path: Path, seed: int) -> None:
    found = measure_overrun(f"sqlite:///{tmp_path}/p", 120, seed)
    requests, dollars = found.excess
    assert requests <= 0
    assert dollars <= 0
    assert found.understated <= 0
    assert found.progress.state is RunState.BUDGET
    # A request into a closing connection counts here, but perhaps not at the server: the client cannot know.
    lost = found.progress.requests - found.requests
    assert 0 <= lost <= found.closed
    if found.limits.dollars is None:
        assert found.limits.requests == found.progress.requests, "and all of it is used"


def test_a_budget_of_zero_sends_nothing_and_more_of_it_goes_on(store: Store) -> None:
    with fake_cloud.run_fake_cloud() as server:
        batch = run_fixtures.new_run(store, run_fixtures.numbers_plan(5, run_fixtures.budget_limits("0")))
        batch.start(make_backend(server.url))
        assert wait_for_run(batch).state is RunState.BUDGET
        assert server.bill().requests == 0
        batch.set_limits(run_fixtures.budget_limits(None, 3))
        batch.resume(make_backend(server.url))
        assert wait_for_run(batch).state is RunState.BUDGET
        assert server.bill().requests == 3
        again = run_fixtures.reload_run(store, batch)
        assert (again.state, again.limits.requests) == (RunState.BUDGET, 3)
        again.set_limits(run_fixtures.budget_limits("1"))
        again.resume(make_backend(server.url))
        assert wait_for_run(again).state is RunState.DONE
        assert server.bill().requests == 5


def test_a_token_that_is_revoked_pauses_it_and_nothing_is_lost(store: Store) -> None:
    good = [True]

    def moody(peer: Peer, request: ReceivedRequest) -> None:
        if good[0] or request.headers["authorization"] == "Bearer another":
            echo_answer(peer, request)
            good[0] = len(server.requests) < 10
        else:
            scripted_server.refuses(401, 10000, "Authentication error")(peer, request)

    with ScriptedServer(moody) as server:
        batch = run_fixtures.new_run(
            store, run_fixtures.numbers_plan(30, replace(run_fixtures.QUICK_LIMITS, concurrency=4))
        )
        there = make_backend(server.url)
        batch.start(there)
        assert wait_for_run(batch).state is RunState.PAUSED
        progress = batch.progress()
        assert isinstance(progress.error, CredentialsRefused)
        assert progress.failed == 0
        assert progress.answered < 30
        with pytest.raises(BadInput, match="not of “elsewhere”"):
            batch.resume(replace(there, name="elsewhere"))
        batch.resume(replace(there, token=Secret("another")))
        assert wait_for_run(batch).state is RunState.DONE
        assert batch.progress().answered == 30
        # no request was answered twice
        told = [received.json()["messages"][-1]["content"] for received in server.requests]
        assert len(set(told)) == 30
        assert batch.progress().requests == len(told)


def test_retry_after_is_obeyed_by_all_and_costs_no_attempt(store: Store) -> None:
    def hasty(peer: Peer, request: ReceivedRequest) -> None:
        if len(server.requests) <= 4:
            scripted_server.refuses(429, 3021, "Too many requests", retry_after="0.4")(peer, request)
        else:
            echo_answer(peer, request)

    with ScriptedServer(hasty) as server:
        batch = run_fixtures.new_run(
            store,
            run_fixtures.numbers_plan(12, replace(run_fixtures.QUICK_LIMITS, concurrency=4, attempts=1)),
        )
        batch.start(make_backend(server.url))
        assert wait_for_run(batch).state is RunState.DONE
    assert batch.progress().answered == 12
    # The fifth request is the first after a refusal; the fourth may have been in flight before.
    assert server.times[4] - server.times[0] > 0.35
    assert batch.progress().pace < 100_000, "it goes slower from there on"


def test_no_network_for_a_while(store: Store) -> None:
    with fake_cloud.run_fake_cloud() as server:
        url = server.url
    batch = run_fixtures.new_run(store, run_fixtures.numbers_plan(20))
    batch.start(make_backend(url))  # no server listens there now
    while "network is gone" not in (now := batch.progress()).waiting or now.in_flight:
        assert batch.state is RunState.RUNNING
    assert now.requests == 0, "what was never sent does not count"
    port = int(url.rpartition(":")[2])
    with fake_cloud.run_fake_cloud(port=port) as server:
        assert wait_for_run(batch).state is RunState.DONE
        assert server.bill().requests == 20
    assert {one.attempts for one in batch.results()} == {1}


def test_timeouts_may_have_been_paid(store: Store) -> None:
    with ScriptedServer(scripted_server.sends_then_waits()) as server:
        client = WorkersAI(Timeouts(5.0, 0.2, 0.2))
        batch = run_fixtures.new_run(store, run_fixtures.numbers_plan(1), client)
        there = replace(make_backend(server.url), billed=True)
        batch.start(there)
        assert wait_for_run(batch).state is RunState.DONE
        progress = batch.progress()
        assert (progress.failed, progress.requests) == (1, 1), "it is not sent again by itself"
        assert progress.dollars == 0 < progress.uncertain
    with ScriptedServer(echo_answer) as server:
        batch._client, there = WorkersAI(), replace(there, base_url=server.url)
        batch.retry_unfinished(there)
        assert wait_for_run(batch).state is RunState.DONE
    assert (batch.progress().answered, batch.progress().failed) == (1, 0)
    assert batch.progress().uncertain == progress.uncertain, "that one may still have been paid"
    assert len(batch.results()) == 2


def test_pause_keeps_what_is_on_its_way_and_stop_cuts_it(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.3, 0.3)) as server:
        there = replace(make_backend(server.url), billed=True)
        batch = run_fixtures.new_run(store, run_fixtures.numbers_plan(40))
        batch.start(there)
        while not batch.progress().in_flight:
            pass
        batch.pause()
        assert batch.state is RunState.PAUSED
        wait_for_run(batch)
        paused = batch.progress()
        assert 0 < paused.answered == paused.requests == server.bill().requests < 40
        batch.resume(there)
        while batch.progress().in_flight < 8:
            pass
        batch.stop()
        stopped = wait_for_run(batch).progress()
        assert batch.state is RunState.STOPPED
        assert stopped.doubtful > 0, "it may have been paid"
        assert stopped.uncertain > 0
        assert stopped.requests == stopped.answered + stopped.doubtful
        # Some of the requests did not arrive, but an unknown cost counts as paid.
        assert stopped.answered < server.bill().requests <= stopped.requests
        # A cell that was only claimed is not in doubt, not even after a restart.
        assert run_fixtures.reload_run(store, batch).progress().doubtful == stopped.doubtful
        batch.resume(there)
        assert wait_for_run(batch).progress().doubtful == stopped.doubtful, "it is not asked again by itself"
        batch.retry_unfinished(there)
        assert wait_for_run(batch).progress().answered == 40
        assert {1, 2} == set(server.bill().asked.values())


def test_no_more_at_a_time_than_are_wanted(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.03, 0.06)) as server:
        batch = run_fixtures.new_run(
            store, run_fixtures.numbers_plan(120, replace(run_fixtures.QUICK_LIMITS, concurrency=16))
        )
        batch.start(make_backend(server.url))
        while batch.progress().answered < 30:
            time.sleep(0.005)
        batch.set_limits(replace(run_fixtures.QUICK_LIMITS, concurrency=4))
        while batch.progress().in_flight > 4:
            time.sleep(0.005)
        seen = 0
        while batch.is_working:
            seen = max(seen, batch.progress().in_flight)
            time.sleep(0.005)
        assert batch.progress().answered == 120
        assert 8 < server.bill().max_at_once <= 16
    assert 0 < seen <= 4


def test_what_was_never_sent_is_not_in_doubt_after_a_restart(store: Store) -> None:
    batch = run_fixtures.new_run(store, run_fixtures.numbers_plan(3))
    nowhere = replace(make_backend("https://127.0.0.1:9"), billed=True)
    batch.start(nowhere)
    while "network is gone" not in batch.progress().waiting:
        time.sleep(0.005)
    batch.stop()
    assert wait_for_run(batch).progress().doubtful == 0
    again = run_fixtures.reload_run(store, batch).progress()
    assert (again.doubtful, again.requests, again.uncertain) == (0, 0, 0)


def test_the_same_request_with_a_seed_is_answered_from_the_store(store: Store) -> None:
    with fake_cloud.run_fake_cloud() as server:
        first = run_fixtures.new_run(store, run_fixtures.numbers_plan(10, seed=7))
        first.start(make_backend(server.url))
        wait_for_run(first)
        second = run_fixtures.new_run(store, run_fixtures.numbers_plan(12, seed=7))
        second.start(make_backend(server.url))
        progress = wait_for_run(second).progress()
        assert (progress.answered, progress.stored, progress.requests) == (12, 10, 2)
        assert [one.answer.text for one in first.latest() if one.answer] == [
            one.answer.text for one in second.latest()[:10] if one.answer
        ]
        assert second.latest()[0].cost == 0
        others = run_fixtures.new_run(store, run_fixtures.numbers_plan(10, seed=7), owner="bob")
        others.start(make_backend(server.url))
        assert wait_for_run(others).progress().stored == 0
        unseeded = run_fixtures.new_run(store, run_fixtures.numbers_plan(10))
        unseeded.start(make_backend(server.url))
        assert wait_for_run(unseeded).progress().stored == 0


def repetitive_plan(rows: int, different: int) -> Plan:
    """Return a plan with a seed in which each of ``different`` requests occurs several times."""
    plan = run_fixtures.numbers_plan(rows, seed=7)
    return replace(plan, inputs=Inputs(("n",), tuple((str(number % different),) for number in range(rows))))


@pytest.mark.parametrize("different", [1, 3, 40])
def test_of_requests_that_are_alike_one_is_asked(store: Store, different: int) -> None:
    with fake_cloud.run_fake_cloud((0.0, 0.01)) as server:
        batch = run_fixtures.new_run(store, repetitive_plan(700, different))
        batch.start(make_backend(server.url))
        progress = wait_for_run(batch).progress()
        assert server.bill().requests == different == progress.requests
    assert (progress.answered, progress.stored, progress.failed) == (700, 700 - different, 0)
    for one in batch.latest():
        assert one.answer is not None
        assert one.answer.text == f"Answer to Number {one.cell.row % different}"
        assert one.answer.request.input.turns[-1].content == f"Number {one.cell.row % different}"  # type: ignore[union-attr]
    assert sum(one.cost > 0 for one in batch.latest()) == different
    assert [one.status for one in run_fixtures.reload_run(store, batch).latest()] == [Status.ANSWERED] * 700


def test_where_one_fails_the_next_one_like_it_is_asked(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.0, 0.01), 0.5, ("broken", "page", "reset"), seed=3) as server:
        batch = run_fixtures.new_run(
            store, replace(repetitive_plan(60, 3), limits=replace(run_fixtures.QUICK_LIMITS, attempts=1))
        )
        batch.start(make_backend(server.url))
        progress = wait_for_run(batch).progress()
        bill = server.bill()
    assert progress.answered + progress.failed == 60
    assert progress.failed > 0 < progress.stored
    assert all(count == 1 for count in bill.answered.values()), (
        "answered once, the others have it from the store"
    )


def test_a_pause_and_a_stop_leave_none_of_those_that_are_alike_behind(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.02, 0.05)) as server:
        batch = run_fixtures.new_run(store, repetitive_plan(200, 100))
        for end in (batch.pause, batch.stop):
            batch.start(make_backend(server.url))
            while batch.progress().in_flight < 4:
                time.sleep(0.001)
            end()
            wait_for_run(batch)
        batch.start(make_backend(server.url))
        wait_for_run(batch)
        batch.retry_unfinished(make_backend(server.url))
        progress = wait_for_run(batch).progress()
    assert (progress.answered, progress.doubtful) == (200, 0)
    assert progress.stored >= 100


def test_judges_are_asked_within_the_budget(store: Store) -> None:
    checks = (Contains("Answer"), Judge("Is {{n}} a number?"))
    with fake_cloud.run_fake_cloud() as server:
        batch = run_fixtures.new_run(
            store, run_fixtures.numbers_plan(4, run_fixtures.budget_limits(None, 7), checks)
        )
        batch.start(replace(make_backend(server.url), billed=True))
        wait_for_run(batch)
        bill = server.bill()
    assert bill.requests == 7 == batch.progress().requests
    assert (
        batch.progress().dollars
        == bill.dollars(run_fixtures.MODEL.price)
        == sum(one.cost for one in batch.latest())
    )
    outcomes = [one.outcomes for one in batch.latest()]
    assert {pair[0].passed for pair in outcomes} == {True}
    judged = [pair[1] for pair in outcomes]
    assert any(one.passed and one.usage and "It is." in one.reason for one in judged)
    assert all(one.passed or one.reason == NO_BUDGET for one in judged)


def test_what_a_killed_process_left(store: Store) -> None:
    """Write claims without an answer and judges without a verdict, as a kill leaves them."""
    checks = (Contains("Answer"), Judge("Is it?"))
    with fake_cloud.run_fake_cloud() as server:
        there = replace(make_backend(server.url), billed=True)
        batch = run_fixtures.new_run(store, run_fixtures.numbers_plan(4, checks=checks))
        batch.start(there)
        wait_for_run(batch)
        whole = batch.latest()[0]
        claim = replace(whole, status=Status.DOUBTFUL, answer=None, outcomes=(), uncertain=Decimal("0.01"))
        judging = replace(
            batch.latest()[1], status=Status.DOUBTFUL, outcomes=whole.outcomes[:1], uncertain=Decimal("0.02")
        )
        store.cells.write(
            run_fixtures.OWNER,
            batch.id,
            [
                CellChange(claim, 90, is_new=False, is_judged=False),
                CellChange(judging, 91, is_new=False, is_judged=False),
            ],
        )
        store.runs.update(
            run_fixtures.OWNER,
            batch.id,
            state="running",
            error=RateLimited("x"),
            backend=there.name,
            billed=True,
            limits=Limits(),
        )
        again = run_fixtures.reload_run(store, batch)
        assert again.state is RunState.INTERRUPTED
        progress = again.progress()
        assert (progress.answered, progress.doubtful, progress.uncertain) == (3, 1, Decimal("0.03"))
        assert again.latest()[1].outcomes[1].reason == JUDGE_IN_DOUBT
        before = server.bill().requests
        again.resume(there)
        assert wait_for_run(again).state is RunState.DONE
        assert server.bill().requests == before, "nothing that may have been paid is asked by itself"
        again.retry_unfinished(there)
        assert wait_for_run(again).progress().answered == 4
        assert server.bill().requests == before + 3, "a cell with its judge, and a judge"
        assert all(one.passed for one in again.latest())


def test_a_rating_stays(store: Store) -> None:
    with fake_cloud.run_fake_cloud() as server:
        batch = run_fixtures.new_run(store, run_fixtures.numbers_plan(2))
        batch.start(make_backend(server.url))
        wait_for_run(batch)
    batch.rate(1, 4)
    assert batch.results()[-1].rating == 4
    assert [one.rating for one in run_fixtures.reload_run(store, batch).latest()] == [None, 4]


def test_a_run_that_was_deleted_fails_and_does_not_hang(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.05, 0.05)) as server:
        batch = run_fixtures.new_run(store, run_fixtures.numbers_plan(200))
        batch.start(make_backend(server.url))
        while not batch.results():
            pass
        assert store.runs.remove(run_fixtures.OWNER, batch.id)
        assert wait_for_run(batch).state is RunState.FAILED
        error = batch.progress().error
        assert error is not None
        assert "deleted" in error.message
