"""An experiment through an AI Gateway: no cell is answered from its cache."""

from __future__ import annotations

from dataclasses import replace

from lib.api.backend import Gateway
from lib.runner.progress import RunState
from lib.store.store import Store
from tests.runner import run_fixtures
from tests.runner.test_experiment_run import echo_answer
from tests.sample_values import make_backend
from tests.scripted_server import ScriptedServer


def test_a_gateway_answers_each_cell_anew_and_a_busy_service_refuses(store: Store) -> None:
    plan = run_fixtures.numbers_plan(2, checks=())
    plan = replace(plan, base=plan.base.with_features(reject_if_busy=True))
    with ScriptedServer(echo_answer) as server:
        run = run_fixtures.new_run(store, plan)
        run.start(replace(make_backend(server.url), gateway=Gateway("my-gateway")))
        run_fixtures.wait_for_run(run)
    assert run.state is RunState.DONE
    assert len(server.requests) == 2
    for received in server.requests:
        assert received.headers["cf-aig-gateway-id"] == "my-gateway"
        assert received.headers["cf-aig-skip-cache"] == "true"
        assert received.json()["options"] == {"rejectIfBusy": True}
