"""A page with only the results of a made-up run: a script for ``streamlit run``. The address names the run.

``of`` in the address separates the runs of two tests: a test that is tried again starts with a new run.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import streamlit as st

from lib.chat.answer import Answer, Ending, Timings
from lib.errors import ServiceFailed
from lib.experiment.plan import Plan
from lib.experiment.results.cell_result import Result, Status
from lib.model.model_record import default_model
from lib.ui.experiment import results_section
from lib.ui.experiment.results_view import OtherRun
from lib.ui.shell.script_start import reset_container_stack
from tests.experiment import generated_plans

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Run:
    """A run that behaves like a Batch: results are only added, and a rated result is added again."""

    id: str
    plan: Plan
    arrived: list[Result] = field(default_factory=list)

    def results(self, since: int = 0) -> list[Result]:
        return self.arrived[since:]

    def rate(self, number: int, rating: int | None) -> None:
        latest = next(result for result in reversed(self.arrived) if result.cell.number == number)
        self.arrived.append(replace(latest, rating=rating))


@st.cache_resource
def run(show: str, cells: int, of: str) -> Run:
    """Return the run of that kind; it is cached because a real run outlives reruns too."""
    axes, prompts, checks = {
        "one": (0, 1, generated_plans.CHECKS),
        "unchecked": (1, 1, ()),
    }.get(show, (2, 2, generated_plans.CHECKS))
    plan = generated_plans.capitals_plan(cells, axes=axes, prompts=prompts, checks=checks)
    if show in ("empty", "growing"):
        return Run(f"{show}-{of}", plan)
    results = list(generated_plans.capitals_results(plan))
    if show == "failed":
        results = [_failed(result) for result in results]
    return Run(f"{show}-{cells}-{of}", plan, results)


def _failed(result: Result) -> Result:
    if result.answer is None:
        return result
    error = ServiceFailed(
        "The service broke down ![x](http://192.0.2.1/x.png) :red[x].", advice="Retry.", status=500
    )
    request = result.answer.request
    answer = Answer("", request, "Cloudflare", True, None, Timings(None, 0.4), Ending.ERROR, error)
    return replace(result, status=Status.FAILED, answer=answer, outcomes=(), cost=Decimal(0))


@st.cache_resource
def _all(cells: int) -> list[Result]:
    return list(generated_plans.capitals_results(generated_plans.capitals_plan(cells)))


def earlier(cells: int) -> tuple[Plan, Sequence[Result]]:
    """Return yesterday's run of the same plan, with other outcomes."""
    plan = generated_plans.capitals_plan(cells)
    return plan, list(generated_plans.capitals_results(plan, seed=2, skill=0.6))


def page() -> None:
    """Draw the results of the run that the address names."""
    show = st.query_params.get("show", "whole")
    cells = int(st.query_params.get("cells", "240"))
    shown_run = run(show, cells, st.query_params.get("of", ""))
    if show == "growing":
        st.button(
            "Grow",
            on_click=lambda: shown_run.arrived.extend(
                itertools.islice(_all(cells), len(shown_run.arrived), len(shown_run.arrived) + 40)
            ),
        )
    others = (
        [OtherRun("yesterday", "Run 1 · 2026-01-01 10:00 UTC", lambda: earlier(cells))]
        if show == "whole"
        else []
    )
    results_section.draw_results(
        shown_run.plan, default_model(), shown_run, name="Capitals", running=show == "growing", others=others
    )
    # The box is in a container: at the page's own bottom it makes the page scroll down with the results.
    with st.container():
        # A visitor waits for this box.
        st.chat_input("Message the model")


reset_container_stack()
st.set_page_config(layout="wide")
st.navigation(
    [st.Page(page, title="Results", default=True), st.Page(ROOT / "pages/chat.py", title="Chat")],
    position="top",
).run()
