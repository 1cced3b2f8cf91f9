"""A run on which another server works is shown as such, and refused where it would go on."""

from __future__ import annotations

from contextlib import closing

import pytest

from lib.errors import HeldElsewhere
from lib.experiment import plan_grid
from lib.experiment.plan import Plan
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.results.cell_result import Result, Status
from lib.store.run_store import run_lease
from lib.store.store import Store
from lib.store.stored_values import CellChange
from lib.ui.experiment.results_view import ResultsView
from lib.ui.shell import registry as registry_module
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.upstream import Upstream
from tests.runner.run_fixtures import new_run, numbers_plan
from tests.sample_values import make_backend
from tests.ui.app_test_page import MODEL, AppTestPage


def test_a_run_of_another_server(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "ELSEWHERE_SECONDS", 0.0)
    with closing(Store(f"sqlite:///{registry().store.database.name}")) as other:
        run = new_run(other, numbers_plan(2), owner=LOCAL_OWNER)
        other.leases.take(run_lease(run.id))
        page = AppTestPage(f"/?e={run.experiment}", path="pages/experiment.py")
        assert "Another Paddock server is working on this run" in page.text()
        page.click("run-resume")
        assert any("Wait until it has ended, or end it there" in error for error in page.errors())
        assert upstream.requests == []
        other.leases.release(run_lease(run.id))
        page.run()
        assert "Another Paddock server" not in page.text()
        assert page.errors() == []
    assert registry().find_experiment_run(LOCAL_OWNER, run.id) is not None


def test_a_run_that_another_server_went_on_with_is_loaded_again(upstream: Upstream) -> None:
    plan = numbers_plan(3)
    with closing(Store(f"sqlite:///{registry().store.database.name}")) as other:
        id = new_run(other, plan, owner=LOCAL_OWNER).id
        shown = registry().find_experiment_run(LOCAL_OWNER, id)
        assert shown is not None
        view = ResultsView(ResolvedPlan(plan, MODEL), shown)
        # The second time the first cell was asked again: it moves to the end of the stored results.
        for numbers, again in (((1,), ()), ((0, 2), (1,))):
            write_failures(other, id, plan, numbers, again)
            with pytest.raises(HeldElsewhere, match="has continued this run"):
                shown.start(make_backend(upstream.url))
            shown = registry().find_experiment_run(LOCAL_OWNER, id)
            assert shown is not None
            view.follow_run(shown)
            view.read_new_results()
            assert len(view.results) == len(shown.latest())
    assert [result.cell.number for result in shown.latest()] == [0, 1, 2]
    assert upstream.requests == []


def write_failures(store: Store, id: str, plan: Plan, new: tuple[int, ...], again: tuple[int, ...]) -> None:
    last = store.cells.last_position(LOCAL_OWNER, id)
    changes = [
        CellChange(Result(plan_grid.cell_at(plan, number), Status.FAILED, None), position)
        for position, number in enumerate((*new, *again), start=last + 1)
    ]
    store.cells.write(LOCAL_OWNER, id, changes, saved_numbers=again)
