"""A page with the results of a made-up run alone: a script for ``streamlit run``. The address says which run.

``of`` in the address tells one test's run from another's of the same kind: a test that is tried again starts anew.
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
    """A run as a Batch is: what came only grows, and a rated answer comes again."""

    id: str
    plan: Plan
    came: list[Result] = field(default_factory=list)

    def results(self, since: int = 0) -> list[Result]:
        return self.came[since:]

    def rate(self, number: int, rating: int | None) -> None:
        latest = next(one for one in reversed(self.came) if one.cell.number == number)
        self.came.append(replace(latest, rating=rating))


@st.cache_resource
def run(show: str, cells: int, of: str) -> Run:
    """The run of that kind; kept, as a real one is."""
    axes, prompts, checks = {
        "one": (0, 1, generated_plans.CHECKS),
        "unchecked": (1, 1, ()),
    }.get(show, (2, 2, generated_plans.CHECKS))
    plan = generated_plans.capitals_plan(cells, axes=axes, prompts=prompts, checks=checks)
    if show in ("empty", "growing"):
        return Run(f"{show}-{of}", plan)
    came = list(generated_plans.capitals_results(plan))
    return Run(f"{show}-{cells}-{of}", plan, [_failed(one) for one in came] if show == "failed" else came)


def _failed(one: Result) -> Result:
    if one.answer is None:
        return one
    error = ServiceFailed(
        "The service broke down ![x](http://192.0.2.1/x.png) :red[x].", advice="Retry.", status=500
    )
    answer = Answer("", one.answer.request, "Cloudflare", True, None, Timings(None, 0.4), Ending.ERROR, error)
    return replace(one, status=Status.FAILED, answer=answer, outcomes=(), cost=Decimal(0))


@st.cache_resource
def _all(cells: int) -> list[Result]:
    return list(generated_plans.capitals_results(generated_plans.capitals_plan(cells)))


def earlier(cells: int) -> tuple[Plan, Sequence[Result]]:
    """The same plan's run of yesterday, which came out otherwise."""
    plan = generated_plans.capitals_plan(cells)
    return plan, list(generated_plans.capitals_results(plan, seed=2, skill=0.6))


def page() -> None:
    """The results that the address asks for."""
    show = st.query_params.get("show", "whole")
    cells = int(st.query_params.get("cells", "240"))
    known = run(show, cells, st.query_params.get("of", ""))
    if show == "growing":
        st.button(
            "Grow",
            on_click=lambda: known.came.extend(
                itertools.islice(_all(cells), len(known.came), len(known.came) + 40)
            ),
        )
    others = (
        [OtherRun("yesterday", "Run 1 · 2026-01-01 10:00 UTC", lambda: earlier(cells))]
        if show == "whole"
        else []
    )
    results_section.draw_results(
        known.plan, default_model(), known, name="Capitals", running=show == "growing", others=others
    )
    with (
        st.container()
    ):  # at the page's own bottom it would make the page follow what grows, down past its head
        st.chat_input("Message the model")  # by which a visitor knows that the page is there


reset_container_stack()
st.set_page_config(layout="wide")
st.navigation(
    [st.Page(page, title="Results", default=True), st.Page(ROOT / "pages/chat.py", title="Chat")],
    position="top",
).run()
