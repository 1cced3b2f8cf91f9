"""Experiments, runs and cells are loaded as they were saved, by their owner only."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from lib.chat.answer import Answer, Ending, Timings
from lib.errors import ServiceFailed, StorageFailed
from lib.experiment import cell_request, plan_grid
from lib.experiment.checks.check_kinds import CheckOutcome
from lib.experiment.plan import Limits, Plan
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.results.cell_result import Result, Status
from lib.model.request_options import ToolCall
from lib.model.usage import Usage
from lib.store.store import Store
from lib.store.stored_values import CellChange, RunEntry, SavedExperiment, SavedRun, UsageSource
from tests.runner.run_fixtures import MODEL, numbers_plan

ODD = "\x00\ud800 ü “"


def store_new_run(store: Store, asked: Plan, owner: str = "ann", id: str = "r") -> str:
    """Store an experiment and a run of this plan. Return the run's id."""
    store.experiments.save(owner, SavedExperiment(f"x-{owner}", f"Numbers{ODD}", asked))
    entry = RunEntry(
        id,
        f"x-{owner}",
        MODEL.id,
        "",
        billed=False,
        state="ready",
        cell_count=plan_grid.count_cells(asked),
        started=None,
    )  # type: ignore[arg-type]
    store.runs.add(owner, SavedRun(entry, asked, asked.limits))
    return id


def make_answered_result(asked: Plan, number: int, text: str = f"Four{ODD}") -> Result:
    cell = plan_grid.cell_at(asked, number)
    request = cell_request.request(
        ResolvedPlan(asked, MODEL), cell, plan_grid.variants(ResolvedPlan(asked, MODEL))
    )
    answer = Answer(
        text,
        request,
        "Somewhere",
        True,
        Usage(20, 8, 3, Decimal("0.0625")),
        Timings(0.25, 1.5),
        Ending.TOOL_CALLS,
        calls=(ToolCall("1", "add", '{"a": 1}'),),
    )
    outcomes = (CheckOutcome(True, f"Yes{ODD}", Usage(1, 2)), CheckOutcome(None, "Nobody knows."))
    return Result(
        cell,
        Status.ANSWERED,
        answer,
        outcomes,
        Decimal("0.000000123456789"),
        2,
        True,
        None,
        4,
        Decimal("1E-7"),
    )


def test_all_of_it_comes_back_and_to_its_owner_alone(store: Store) -> None:
    asked = numbers_plan(4, Limits(Decimal("0.10"), 7, 60, 3, 2), seed=5)
    run = store_new_run(store, asked)
    saved = store.experiments.load("ann", "x-ann")
    assert saved is not None
    assert (saved.name, saved.plan) == (f"Numbers{ODD}", asked)
    assert [(one.id, one.run_count) for one in store.experiments.entries("ann")] == [("x-ann", 1)]

    whole = make_answered_result(asked, 0)
    error = ServiceFailed("Broken", advice="Wait.", code=3043, status=500, retryable=True)
    assert whole.answer is not None
    broken = replace(
        whole.answer, usage=None, ending=Ending.ERROR, error=error, calls=(), timings=Timings(None, 2.0)
    )
    failed = replace(
        whole, cell=plan_grid.cell_at(asked, 1), status=Status.FAILED, outcomes=(), answer=broken
    )
    doubtful = Result(plan_grid.cell_at(asked, 2), Status.DOUBTFUL, None, uncertain=Decimal("0.5"))
    put_back = Result(plan_grid.cell_at(asked, 3), Status.DOUBTFUL, None, attempts=2, requests=2)
    changes = [
        CellChange(doubtful, 1),
        CellChange(whole, 2, fingerprint="f0"),
        CellChange(failed, 3),
        CellChange(put_back, 4, is_judged=False, is_waiting=True),
    ]
    store.cells.write("ann", run, changes)
    limits = replace(asked.limits, requests=9)
    store.runs.update(
        "ann", run, state="paused", error=error, backend="Somewhere", billed=True, limits=limits
    )
    assert store.cells.rate("ann", run, 0, 5)

    found = store.cells.load("ann", run)
    results = [one.result for one in found]
    assert results[:2] == [doubtful, replace(whole, rating=5)]
    assert results[2].answer is not None
    assert str(results[2].answer.error) == "Broken"
    assert (results[3].status, found[3].is_waiting, found[3].is_judged) == (Status.DOUBTFUL, True, False)
    there = store.runs.load("ann", run)
    assert there is not None
    assert (there.plan, there.limits.requests) == (asked, 9)
    entry = there.entry
    assert (entry.state, entry.backend, entry.answered, entry.failed, entry.doubtful) == (
        "paused",
        "Somewhere",
        1,
        1,
        1,
    )
    assert [one.state for one in store.runs.entries("ann", "x-ann")] == ["paused"]

    # Overwriting a cell keeps its rating: the user may have given it while the answer was judged.
    store.cells.write("ann", run, [CellChange(replace(whole, cost=Decimal(1)), 5)], saved_numbers={0})
    again = store.cells.load("ann", run)[-1].result
    assert (again.rating, again.cost) == (5, 1)

    assert store.experiments.load("bob", "x-ann") is None
    assert store.runs.load("bob", run) is None
    assert store.cells.load("bob", run) == ()
    assert not store.cells.rate("bob", run, 0, 1)
    assert store.experiments.entries("bob") == ()
    assert store.runs.entries("bob", "x-ann") == ()
    assert not store.experiments.delete("bob", "x-ann")
    assert not store.runs.remove("bob", run)
    with pytest.raises(StorageFailed, match="belongs to somebody else"):
        store.experiments.save("bob", SavedExperiment("x-ann", "Mine", asked))
    with pytest.raises(StorageFailed, match="deleted"):
        store.cells.write("bob", run, changes)
    with pytest.raises(StorageFailed, match="deleted"):
        store.runs.add("bob", there)

    assert store.runs.remove("ann", run)
    assert store.runs.load("ann", run) is None
    assert store.cells.load("ann", run) == ()
    with pytest.raises(StorageFailed) as gone:
        store.cells.write("ann", run, [CellChange(whole, 9)])
    assert not gone.value.retryable, "it is not the database that is in trouble"


def test_a_deleted_experiment_can_be_restored_until_the_next_is_deleted(store: Store) -> None:
    asked = numbers_plan(2)
    run = store_new_run(store, asked)
    store.experiments.save("ann", SavedExperiment("other", "Other", asked))
    assert store.experiments.delete("ann", "x-ann")
    assert store.experiments.load("ann", "x-ann") is None
    assert [entry.id for entry in store.experiments.entries("ann")] == ["other"]
    assert store.experiments.restore("ann", "x-ann")
    assert store.runs.load("ann", run) is not None
    assert store.experiments.delete("ann", "x-ann")
    assert store.experiments.delete("ann", "other")
    assert not store.experiments.restore("ann", "x-ann")
    assert store.runs.load("ann", run) is None, "its runs go with it"


def test_a_cell_that_another_server_has_begun_is_not_begun_again(store: Store) -> None:
    asked = numbers_plan(2)
    run = store_new_run(store, asked)
    change = CellChange(Result(plan_grid.cell_at(asked, 0), Status.DOUBTFUL, None), 1)
    store.cells.write("ann", run, [change])
    other = CellChange(Result(plan_grid.cell_at(asked, 1), Status.DOUBTFUL, None), 1)
    with pytest.raises(StorageFailed, match="Another Paddock"):
        store.cells.write("ann", run, [other, replace(change, position=2)])
    assert len(store.cells.load("ann", run)) == 1, "all or nothing"


def test_an_answer_is_found_by_what_was_asked(store: Store) -> None:
    asked = numbers_plan(3, seed=1)
    run, theirs = store_new_run(store, asked), store_new_run(store, asked, "bob", "theirs")
    whole, cut = make_answered_result(asked, 0), make_answered_result(asked, 1)
    assert whole.answer is not None
    assert cut.answer is not None
    cut = replace(cut, answer=replace(cut.answer, ending=Ending.CUT_OFF))
    store.cells.write(
        "ann",
        run,
        [
            CellChange(whole, 1, "f0"),
            CellChange(cut, 2, "f1"),
        ],
    )
    store.cells.write("bob", theirs, [CellChange(make_answered_result(asked, 2), 1, "f2")])
    wanted = {f"f{number}": whole.answer.request for number in range(700)}
    found = store.cells.find_answers("ann", wanted)
    assert list(found) == ["f0"], "whole ones, and one's own"
    assert found["f0"].text == whole.answer.text
    assert found["f0"].usage == whole.answer.usage


def test_a_plan_that_another_server_changed_is_kept(store: Store) -> None:
    asked = numbers_plan(2)
    updated, _ = store.experiments.save("ann", SavedExperiment("x", "Numbers", asked))
    theirs = replace(asked, prompts=(replace(asked.prompts[0], user="theirs"),))
    mine = replace(asked, prompts=(replace(asked.prompts[0], user="mine"),))
    assert store.experiments.save("ann", SavedExperiment("x", "Numbers", theirs, updated=updated))[1] is None
    later, kept_as = store.experiments.save("ann", SavedExperiment("x", "Numbers", mine, updated=updated))
    assert kept_as == "Numbers (changed elsewhere)"
    plans = {
        entry.name: saved.plan
        for entry in store.experiments.entries("ann")
        if (saved := store.experiments.load("ann", entry.id)) is not None
    }
    assert plans == {"Numbers": mine, kept_as: theirs}
    assert store.experiments.save("ann", SavedExperiment("x", "Numbers", asked, updated=later))[1] is None


def test_an_experiment_that_another_server_deleted_comes_back(store: Store) -> None:
    updated, _ = store.experiments.save("ann", SavedExperiment("x", "Numbers", numbers_plan(2)))
    assert store.experiments.delete("ann", "x")
    store.experiments.save("ann", SavedExperiment("x", "More", numbers_plan(3), updated=updated))
    assert [entry.name for entry in store.experiments.entries("ann")] == ["More"]


def test_usage_counts_judges_and_failures_but_no_known_answers(store: Store) -> None:
    asked = numbers_plan(4)
    run = store_new_run(store, asked)
    limits = asked.limits
    store.runs.update("ann", run, state="done", error=None, backend="Cloudflare", billed=True, limits=limits)
    answered = replace(make_answered_result(asked, 0), stored=False)
    failed = Result(
        plan_grid.cell_at(asked, 1), Status.FAILED, None, cost=Decimal("0.25"), attempts=3, requests=3
    )
    again = replace(answered, cell=plan_grid.cell_at(asked, 2), requests=2)
    known = make_answered_result(asked, 3)
    results = enumerate((answered, failed, again, known), 1)
    store.cells.write("ann", run, [CellChange(result, position) for position, result in results])
    store_new_run(store, asked, "bob", "other")
    (usage,) = store.experiments.daily_usage("ann")
    assert (usage.model, usage.backend, usage.billed) == (MODEL.id, "Cloudflare", True)
    assert usage.source is UsageSource.EXPERIMENTS
    # Each answer took 20 + 8 tokens, its judge 1 + 2; the requests are 4 + 3 + 2.
    assert (usage.usage.prompt_tokens, usage.usage.completion_tokens, usage.request_count) == (42, 20, 9)
    assert usage.recorded_cost == Decimal("0.250000246913578")
    assert store.experiments.daily_usage("bob") == ()
