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
from lib.experiment.plan import Limits
from lib.experiment.results.cell_result import Status
from lib.runner.progress import RunState
from lib.runner.worker import JUDGE_IN_DOUBT, NO_BUDGET
from lib.store.store import Store
from lib.store.stored_values import CellChange
from tests import scripted_server
from tests.runner import fake_cloud, run_fixtures
from tests.runner.budget_overrun import measure_overrun
from tests.sample_values import make_backend
from tests.scripted_server import Peer, ReceivedRequest, ScriptedServer


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
        run = run_fixtures.new_run(store, run_fixtures.numbers_plan(200))
        run.start(make_backend(server.url))
        run_fixtures.wait_for_run(run)
        bill = server.bill()
    assert run.state is RunState.DONE
    assert set(bill.asked.values()) == {1}, (
        "a connection that the server closed neither loses nor doubles one"
    )
    assert len(bill.asked) == 200
    assert bill.max_at_once <= 8
    assert bill.connections < 8 + 80
    progress = run.progress()
    assert (progress.answered, progress.reserved, progress.in_flight) == (200, 0, 0)
    assert progress.requests >= 200, "one that went into a closing connection counts: nobody here can know"
    assert progress.dollars == bill.dollars(run_fixtures.MODEL.price)
    assert [result.cell.number for result in run.latest()] == list(range(200))
    assert all(result.passed for result in run.results())
    assert run_fixtures.reload_run(store, run).latest() == run.latest(), "and so it stands in the database"


@pytest.mark.parametrize("seed", range(3))
def test_a_budget_is_never_exceeded(tmp_path: Path, seed: int) -> None:
    outcome = measure_overrun(f"sqlite:///{tmp_path}/p", 120, seed)
    requests, dollars = outcome.excess
    assert requests <= 0
    assert dollars <= 0
    assert outcome.understated <= 0
    assert outcome.progress.state is RunState.BUDGET
    # A request into a closing connection counts here, but perhaps not at the server: the client cannot know.
    lost = outcome.progress.requests - outcome.requests
    assert 0 <= lost <= outcome.closed
    if outcome.limits.dollars is None:
        assert outcome.limits.requests == outcome.progress.requests, "and all of it is used"


def test_a_budget_of_zero_sends_nothing_and_more_of_it_goes_on(store: Store) -> None:
    with fake_cloud.run_fake_cloud() as server:
        run = run_fixtures.new_run(store, run_fixtures.numbers_plan(5, run_fixtures.budget_limits("0")))
        run.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(run).state is RunState.BUDGET
        assert server.bill().requests == 0
        run.set_limits(run_fixtures.budget_limits(None, 3))
        run.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(run).state is RunState.BUDGET
        assert server.bill().requests == 3
        again = run_fixtures.reload_run(store, run)
        assert (again.state, again.limits.requests) == (RunState.BUDGET, 3)
        again.set_limits(run_fixtures.budget_limits("1"))
        again.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(again).state is RunState.DONE
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
        run = run_fixtures.new_run(
            store, run_fixtures.numbers_plan(30, replace(run_fixtures.QUICK_LIMITS, concurrency=4))
        )
        there = make_backend(server.url)
        run.start(there)
        assert run_fixtures.wait_for_run(run).state is RunState.PAUSED
        progress = run.progress()
        assert isinstance(progress.error, CredentialsRefused)
        assert progress.failed == 0
        assert progress.answered < 30
        with pytest.raises(BadInput, match="not “elsewhere”"):
            run.start(replace(there, name="elsewhere"))
        run.start(replace(there, token=Secret("another")))
        assert run_fixtures.wait_for_run(run).state is RunState.DONE
        assert run.progress().answered == 30
        # no request was answered twice
        texts = [received.json()["messages"][-1]["content"] for received in server.requests]
        assert len(set(texts)) == 30
        assert run.progress().requests == len(texts)


def test_retry_after_is_obeyed_by_all_and_costs_no_attempt(store: Store) -> None:
    def hasty(peer: Peer, request: ReceivedRequest) -> None:
        if len(server.requests) <= 4:
            scripted_server.refuses(429, 3021, "Too many requests", retry_after="0.4")(peer, request)
        else:
            echo_answer(peer, request)

    with ScriptedServer(hasty) as server:
        run = run_fixtures.new_run(
            store,
            run_fixtures.numbers_plan(12, replace(run_fixtures.QUICK_LIMITS, concurrency=4, attempts=1)),
        )
        run.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(run).state is RunState.DONE
    assert run.progress().answered == 12
    # The fifth request is the first after a refusal; the fourth may have been in flight before.
    assert server.times[4] - server.times[0] > 0.35
    assert run.progress().pace < 100_000, "it goes slower from there on"


def test_no_network_for_a_while(store: Store) -> None:
    with fake_cloud.run_fake_cloud() as server:
        url = server.url
    run = run_fixtures.new_run(store, run_fixtures.numbers_plan(20))
    run.start(make_backend(url))  # no server listens there now
    while "No network" not in (now := run.progress()).waiting or now.in_flight:
        assert run.state is RunState.RUNNING
    assert now.requests == 0, "what was never sent does not count"
    port = int(url.rpartition(":")[2])
    with fake_cloud.run_fake_cloud(port=port) as server:
        assert run_fixtures.wait_for_run(run).state is RunState.DONE
        assert server.bill().requests == 20
    assert {result.attempts for result in run.results()} == {1}


BROKEN_REPLIES = (
    b"HTTP/1.1 302 X\r\n\r\n",
    b"HTTP/1.1 304 X\r\n\r\n",
    b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nxxxxx\r\n",
    b"HTTP/1.1 200 X\r\ncontent-length: -1\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    b"220 mail.example ESMTP\r\n",
)


def test_broken_replies_fail_their_cells_and_count_as_sent(store: Store) -> None:
    def breaks(peer: Peer, request: ReceivedRequest) -> None:
        number = int(request.json()["messages"][-1]["content"].split()[-1])
        if number < len(BROKEN_REPLIES):
            peer.send(BROKEN_REPLIES[number])
        else:
            echo_answer(peer, request)

    with ScriptedServer(breaks) as server:
        limits = replace(run_fixtures.QUICK_LIMITS, concurrency=2, attempts=1)
        run = run_fixtures.new_run(store, run_fixtures.numbers_plan(len(BROKEN_REPLIES) + 2, limits))
        run.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(run).state is RunState.DONE, run.progress().error
        progress = run.progress()
        assert (progress.failed, progress.answered) == (len(BROKEN_REPLIES), 2)
        assert progress.requests == len(server.requests) == len(BROKEN_REPLIES) + 2
        assert [result.requests for result in run.latest()] == [1] * progress.requests
        assert all(result.uncertain > 0 for result in run.latest()[: len(BROKEN_REPLIES)])


def test_a_bug_after_a_request_was_sent_does_not_hide_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in decoding its answer, nor in checking it; and an answer that came is not asked for again."""
    with ScriptedServer(echo_answer) as server:
        limits = replace(run_fixtures.QUICK_LIMITS, concurrency=1, attempts=1)
        run = run_fixtures.new_run(store, run_fixtures.numbers_plan(1, limits))
        with monkeypatch.context() as patch:
            patch.setattr("lib.runner.worker.AnswerAccumulator.add", lambda *_: {}["a bug"])
            run.start(make_backend(server.url))
            assert run_fixtures.wait_for_run(run).state is RunState.DONE, run.progress().error
        assert (run.progress().failed, run.progress().requests, len(server.requests)) == (1, 1, 1)
        with monkeypatch.context() as patch:
            patch.setattr("lib.runner.worker.evaluate_check", lambda *_: {}["a bug"])
            run.retry_unfinished(make_backend(server.url))
            assert run_fixtures.wait_for_run(run).state is RunState.PAUSED
        assert (run.progress().requests, len(server.requests)) == (2, 2)
        again = run_fixtures.reload_run(store, run)
        again.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(again).state is RunState.DONE
        assert (again.progress().answered, again.progress().requests, len(server.requests)) == (1, 2, 2)


def test_timeouts_may_have_been_paid(store: Store) -> None:
    with ScriptedServer(scripted_server.sends_then_waits()) as server:
        client = WorkersAI(Timeouts(5.0, 0.2, 0.2))
        run = run_fixtures.new_run(store, run_fixtures.numbers_plan(1), client)
        there = replace(make_backend(server.url), billed=True)
        run.start(there)
        assert run_fixtures.wait_for_run(run).state is RunState.DONE
        progress = run.progress()
        assert (progress.failed, progress.requests) == (1, 1), "it is not sent again by itself"
        assert progress.dollars == 0 < progress.uncertain
    with ScriptedServer(echo_answer) as server:
        run._client, there = WorkersAI(), replace(there, base_url=server.url)
        run.retry_unfinished(there)
        assert run_fixtures.wait_for_run(run).state is RunState.DONE
    assert (run.progress().answered, run.progress().failed) == (1, 0)
    assert run.progress().uncertain == progress.uncertain, "that one may still have been paid"
    assert len(run.results()) == 2


def test_pause_keeps_what_is_on_its_way_and_stop_cuts_it(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.3, 0.3)) as server:
        there = replace(make_backend(server.url), billed=True)
        run = run_fixtures.new_run(store, run_fixtures.numbers_plan(40))
        run.start(there)
        while not run.progress().in_flight:
            pass
        run.pause()
        assert run.state is RunState.PAUSED
        run_fixtures.wait_for_run(run)
        paused = run.progress()
        assert 0 < paused.answered == paused.requests == server.bill().requests < 40
        run.start(there)
        while run.progress().in_flight < 8:
            pass
        run.stop()
        stopped = run_fixtures.wait_for_run(run).progress()
        assert run.state is RunState.STOPPED
        assert stopped.doubtful > 0, "it may have been paid"
        assert stopped.uncertain > 0
        assert stopped.requests == stopped.answered + stopped.doubtful
        # Some of the requests did not arrive, but an unknown cost counts as paid.
        assert stopped.answered < server.bill().requests <= stopped.requests
        # A cell that was only claimed is not in doubt, not even after a restart.
        assert run_fixtures.reload_run(store, run).progress().doubtful == stopped.doubtful
        run.start(there)
        assert run_fixtures.wait_for_run(run).progress().doubtful == stopped.doubtful, (
            "it is not asked again by itself"
        )
        run.retry_unfinished(there)
        assert run_fixtures.wait_for_run(run).progress().answered == 40
        assert {1, 2} == set(server.bill().asked.values())


def test_no_more_at_a_time_than_are_wanted(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.03, 0.06)) as server:
        run = run_fixtures.new_run(
            store, run_fixtures.numbers_plan(120, replace(run_fixtures.QUICK_LIMITS, concurrency=16))
        )
        run.start(make_backend(server.url))
        while run.progress().answered < 30:
            time.sleep(0.005)
        run.set_limits(replace(run_fixtures.QUICK_LIMITS, concurrency=4))
        while run.progress().in_flight > 4:
            time.sleep(0.005)
        max_in_flight = 0
        while run.is_working:
            max_in_flight = max(max_in_flight, run.progress().in_flight)
            time.sleep(0.005)
        assert run.progress().answered == 120
        assert 8 < server.bill().max_at_once <= 16
    assert 0 < max_in_flight <= 4


def test_what_was_never_sent_is_not_in_doubt_after_a_restart(store: Store) -> None:
    run = run_fixtures.new_run(store, run_fixtures.numbers_plan(3))
    nowhere = replace(make_backend("https://127.0.0.1:9"), billed=True)
    run.start(nowhere)
    while "No network" not in run.progress().waiting:
        time.sleep(0.005)
    run.stop()
    assert run_fixtures.wait_for_run(run).progress().doubtful == 0
    again = run_fixtures.reload_run(store, run).progress()
    assert (again.doubtful, again.requests, again.uncertain) == (0, 0, 0)


def test_judges_are_asked_within_the_budget(store: Store) -> None:
    checks = (Contains("Answer"), Judge("Is {{n}} a number?"))
    with fake_cloud.run_fake_cloud() as server:
        run = run_fixtures.new_run(
            store, run_fixtures.numbers_plan(4, run_fixtures.budget_limits(None, 7), checks)
        )
        run.start(replace(make_backend(server.url), billed=True))
        run_fixtures.wait_for_run(run)
        bill = server.bill()
    assert bill.requests == 7 == run.progress().requests
    assert (
        run.progress().dollars
        == bill.dollars(run_fixtures.MODEL.price)
        == sum(result.cost for result in run.latest())
    )
    outcomes = [result.outcomes for result in run.latest()]
    assert {pair[0].passed for pair in outcomes} == {True}
    judged = [pair[1] for pair in outcomes]
    assert any(
        judge_outcome.passed and judge_outcome.usage and "It is." in judge_outcome.reason
        for judge_outcome in judged
    )
    assert all(judge_outcome.passed or judge_outcome.reason == NO_BUDGET for judge_outcome in judged)


def test_what_a_killed_process_left(store: Store) -> None:
    """Write claims without an answer and judges without a verdict, as a kill leaves them."""
    checks = (Contains("Answer"), Judge("Is it?"))
    with fake_cloud.run_fake_cloud() as server:
        there = replace(make_backend(server.url), billed=True)
        run = run_fixtures.new_run(store, run_fixtures.numbers_plan(4, checks=checks))
        run.start(there)
        run_fixtures.wait_for_run(run)
        whole = run.latest()[0]
        claim = replace(whole, status=Status.DOUBTFUL, answer=None, outcomes=(), uncertain=Decimal("0.01"))
        judging = replace(
            run.latest()[1], status=Status.DOUBTFUL, outcomes=whole.outcomes[:1], uncertain=Decimal("0.02")
        )
        store.cells.write(
            run_fixtures.OWNER,
            run.id,
            [
                CellChange(claim, 90, is_judged=False),
                CellChange(judging, 91, is_judged=False),
            ],
            saved_numbers=range(4),
        )
        store.runs.update(
            run_fixtures.OWNER,
            run.id,
            state="running",
            error=RateLimited("x"),
            backend=there.name,
            billed=True,
            limits=Limits(),
        )
        again = run_fixtures.reload_run(store, run)
        assert again.state is RunState.INTERRUPTED
        progress = again.progress()
        assert (progress.answered, progress.doubtful, progress.uncertain) == (3, 1, Decimal("0.03"))
        assert again.latest()[1].outcomes[1].reason == JUDGE_IN_DOUBT
        before = server.bill().requests
        again.start(there)
        assert run_fixtures.wait_for_run(again).state is RunState.DONE
        assert server.bill().requests == before, "nothing that may have been paid is asked by itself"
        again.retry_unfinished(there)
        assert run_fixtures.wait_for_run(again).progress().answered == 4
        assert server.bill().requests == before + 3, "a cell with its judge, and a judge"
        assert all(result.passed for result in again.latest())


def test_a_rating_stays(store: Store) -> None:
    with fake_cloud.run_fake_cloud() as server:
        run = run_fixtures.new_run(store, run_fixtures.numbers_plan(2))
        run.start(make_backend(server.url))
        run_fixtures.wait_for_run(run)
    run.rate(1, 4)
    assert run.results()[-1].rating == 4
    assert [result.rating for result in run_fixtures.reload_run(store, run).latest()] == [None, 4]


def test_a_run_that_was_deleted_fails_and_does_not_hang(store: Store) -> None:
    with fake_cloud.run_fake_cloud((0.05, 0.05)) as server:
        run = run_fixtures.new_run(store, run_fixtures.numbers_plan(200))
        run.start(make_backend(server.url))
        while not run.results():
            pass
        assert store.runs.remove(run_fixtures.OWNER, run.id)
        assert run_fixtures.wait_for_run(run).state is RunState.FAILED
        error = run.progress().error
        assert error is not None
        assert "deleted" in error.message
