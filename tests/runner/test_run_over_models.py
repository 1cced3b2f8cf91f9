"""A run over four models: each cell asks its own model, at its own price, within one budget and one pace."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from urllib.parse import unquote

from lib.api.client import WorkersAI
from lib.experiment.checks.check_kinds import Contains, Judge
from lib.experiment.plan import Limits, Plan
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.results.model_comparison import compare_asked_models
from lib.experiment.results.model_verdict import describe_models
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.model.pricing import cost_in_dollars, cost_of_neurons
from lib.model.usage import Usage
from lib.runner.experiment_run import ExperimentRun, create_run
from lib.runner.progress import RunState
from lib.store.store import Store
from lib.store.stored_values import SavedExperiment
from tests import scripted_server
from tests.model.listed_models import FOUR_MODELS, LLAMA_70B, QWEN, find_listed, listed
from tests.runner import fake_cloud, run_fixtures
from tests.runner.run_fixtures import MODEL, OWNER
from tests.sample_values import make_backend
from tests.scripted_server import Peer, ReceivedRequest, ScriptedServer

PER_MINUTE = 6_000


class Service:
    """A service that bills each answer for its model, and knows which models answer which numbers rightly."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        self.listed_dollars = self.billed_dollars = Decimal(0)
        self.times: list[float] = []
        self._lock = threading.Lock()

    def answer(self, peer: Peer, request: ReceivedRequest) -> None:
        id = "@cf" + unquote(request.target).split("@cf")[1]
        body = request.json()
        text = body["messages"][-1]["content"]
        number = int(text.split()[-1]) if text.startswith("Number") else 0
        usage = Usage(20 + number % 7, 1 + number * 31 % 256)
        price = listed(id).price
        with self._lock:
            self.times.append(time.monotonic())
            self.asked[id, text] += 1
            self.listed_dollars += cost_in_dollars(usage, price)
            self.billed_dollars += cost_of_neurons(usage, price)
        is_right = number % 10 < {DEFAULT_MODEL_ID: 4, FOUR_MODELS[1]: 8}.get(id, 9)
        tokens = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        answer = {"response": "Answer" if is_right else "No", "usage": tokens}
        peer.send(scripted_server.response_head(kind="application/json") + fake_cloud.success_body(answer))


def four_models_run(store: Store, plan: Plan) -> ExperimentRun:
    store.experiments.save(OWNER, SavedExperiment("models", "Models", plan))
    return create_run(store, WorkersAI(), OWNER, "models", plan, find_listed)


def test_a_thousand_cells_over_four_models_keep_budget_and_pace(url: str) -> None:
    store, service = Store(url, find_model=find_listed), Service()
    limits = Limits(dollars=Decimal("0.10"), per_minute=PER_MINUTE, concurrency=8)
    plan = replace(run_fixtures.numbers_plan(250, limits), models=FOUR_MODELS)
    with ScriptedServer(service.answer) as server:
        run = four_models_run(store, plan)
        run.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(run).state is RunState.BUDGET
        assert Decimal("0.08") < service.billed_dollars <= limits.dollars
        assert 0 < len(service.times) < 1_000
        assert run.progress().dollars == service.listed_dollars
        run.set_limits(replace(limits, dollars=Decimal(10)))
        began, already = time.monotonic(), len(service.times)
        run.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(run).state is RunState.DONE
        seconds = time.monotonic() - began
    assert len(service.asked) == 1_000
    assert set(service.asked.values()) == {1}
    assert Counter(id for id, _ in service.asked) == dict.fromkeys(FOUR_MODELS, 250)
    assert (1_000 - already) / seconds <= PER_MINUTE / 60 * 1.1
    assert run.progress().dollars == service.listed_dollars
    for result in run.latest():
        assert result.answer is not None
        assert result.usage is not None
        id = FOUR_MODELS[result.cell.variant]
        assert result.answer.request.model == id
        assert result.cost == cost_in_dollars(result.usage, listed(id).price)
    _check_comparison(plan, run)
    again = reload_over_models(store, run)
    assert again.latest() == run.latest()
    assert again.progress().dollars == service.listed_dollars


def _check_comparison(plan: Plan, run: ExperimentRun) -> None:
    """The truth: 40 %, 80 %, 90 % and 90 % of the answers are right, and Qwen costs most."""
    comparison = compare_asked_models(ResolvedPlan(plan, MODEL, find_listed), run.latest())
    assert comparison is not None
    assert [model.tally.pass_rate for model in comparison.models] == [0.4, 0.8, 0.9, 0.9]
    for model, id in zip(comparison.models, FOUR_MODELS, strict=True):
        usages = [result.usage for result in run.latest() if result.cell.variant == model.number]
        dollars = [cost_in_dollars(usage, listed(id).price) for usage in usages if usage is not None]
        assert model.dollars == sum(dollars, Decimal(0)) / 250 * 1000
    assert [model.is_on_front for model in comparison.models] == [True, True, True, False]
    text = describe_models(comparison)
    assert text.startswith(
        "llama-3.3-70b-instruct-fp8-fast passes 50 points more than llama-3.2-1b-instruct ("
    )
    assert "10 points more than mistral-small-3.1-24b-instruct (" in text
    assert "; qwen3.8-27b cannot be told apart from llama-3.3-70b-instruct-fp8-fast (" in text


def reload_over_models(store: Store, run: ExperimentRun) -> ExperimentRun:
    """Return the same run as a new process would load it."""
    saved = store.runs.load(run.owner, run.id)
    assert saved is not None
    cells = store.cells.load(run.owner, run.id)
    return ExperimentRun(WorkersAI(), store, run.owner, saved, cells, find_listed)


def test_one_judge_judges_all_models_at_its_own_price(url: str) -> None:
    store, service = Store(url, find_model=find_listed), Service()
    plan = run_fixtures.numbers_plan(3, checks=(Contains("Answer"), Judge("Is it so?")))
    with ScriptedServer(service.answer) as server:
        run = four_models_run(store, replace(plan, models=(LLAMA_70B, QWEN)))
        run.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(run).state is RunState.DONE
    judged = Counter(id for id, text in service.asked.elements() if not text.startswith("Number"))
    assert judged == {DEFAULT_MODEL_ID: 6}
    assert run.progress().dollars == service.listed_dollars
    # One session would lead all of a model's requests to one of its instances.
    assert listed(QWEN).price.cached_input_per_million is not None
    assert not any("x-session-affinity" in received.headers for received in server.requests)


def test_the_same_question_to_two_models_is_two_requests_and_to_one_model_is_one(url: str) -> None:
    """A seed makes an answer certain, so that it is asked for once; but another model's is another answer."""
    store, service = Store(url, find_model=find_listed), Service()
    plan = replace(run_fixtures.numbers_plan(4, seed=7), models=(DEFAULT_MODEL_ID, LLAMA_70B))
    with ScriptedServer(service.answer) as server:
        for _ in range(2):
            run = four_models_run(store, plan)
            run.start(make_backend(server.url))
            assert run_fixtures.wait_for_run(run).state is RunState.DONE
    assert sum(service.asked.values()) == 8
    assert Counter(id for id, _ in service.asked) == {DEFAULT_MODEL_ID: 4, LLAMA_70B: 4}


def test_a_run_of_a_model_that_is_no_longer_listed_is_shown_without_its_requests(url: str) -> None:
    store, service = Store(url, find_model=find_listed), Service()
    plan = replace(run_fixtures.numbers_plan(2), models=(DEFAULT_MODEL_ID, QWEN))
    with ScriptedServer(service.answer) as server:
        run = four_models_run(store, plan)
        run.start(make_backend(server.url))
        assert run_fixtures.wait_for_run(run).state is RunState.DONE
    cells = Store(url).cells.load(OWNER, run.id)
    shown = {cell.result.cell.number: cell.result.answer for cell in cells}
    assert {number: answer.request.model for number, answer in shown.items() if answer is not None} == {
        0: DEFAULT_MODEL_ID,
        1: QWEN,
        2: DEFAULT_MODEL_ID,
        3: QWEN,
    }
    assert all(answer is not None and answer.text for answer in shown.values())
    results = [cell.result for cell in cells]
    comparison = compare_asked_models(
        ResolvedPlan(plan, MODEL, lambda id: MODEL if id == DEFAULT_MODEL_ID else None), results
    )
    assert comparison is not None
    assert comparison.models[1].dollars is None
