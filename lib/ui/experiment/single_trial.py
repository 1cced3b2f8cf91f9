"""The exact request of one cell, to check and to send alone before the whole run."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib.api import wire
from lib.api.request import Request
from lib.chat.answer import Answer
from lib.chat.answer_run import AnswerRun
from lib.errors import BadInput
from lib.experiment import cell_request, plan_grid
from lib.experiment.plan import Cell
from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.ui.answer import answer_stats
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.shell.account_catalogue import find_or_stand_in
from lib.ui.shell.registry import registry
from lib.ui.widgets import model_text, raw_text
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

_RUN = "trial-run"  # in the session's state: the run of the request that was sent
_HEIGHT = 260


def draw_single_trial(tab: ExperimentTab, problems: Sequence[PlanProblem]) -> None:
    """Draw the choice of a cell, its request and its answer, if the plan's problems leave a request to build."""
    plan = tab.plan
    st.markdown("**Try one request first**")
    if any(problem.part in (PlanPart.PROMPT, PlanPart.INPUTS, PlanPart.SETTINGS) for problem in problems):
        st.caption("Possible when the problems above are corrected.")
        return
    variants = plan_grid.variants(tab.resolved)
    left, middle, right = st.columns(3)
    prompt = left.selectbox(
        "Prompt",
        range(len(plan.prompts)),
        key="trial-prompt",
        persist_state="session",
        format_func=lambda index: plan.prompts[index].name if index < len(plan.prompts) else "",
    )
    row = middle.number_input(
        "Row", min_value=1, max_value=plan_grid.count_rows(plan), key="trial-row", step=1
    )
    setting = right.number_input("Setting", min_value=1, max_value=len(variants), key="trial-way", step=1)
    cell = Cell(0, min(int(prompt or 0), len(plan.prompts) - 1), int(row) - 1, int(setting) - 1, 0)
    st.caption(f"Setting {setting}: {escape_markdown(variants[cell.variant].name)}")
    try:
        request = cell_request.request(tab.resolved, cell, variants)
    except BadInput as error:
        draw_error(error)
        return
    raw_text.draw_json(wire.encode_request(request), _HEIGHT)
    st.button(
        "Try this request",
        key="trial-start",
        icon=":material/play_arrow:",
        on_click=_start,
        args=(tab, request),
        disabled=tab.backend is None,
        help="Sends one request, outside the run and its budget.",
    )
    run: AnswerRun | None = st.session_state.get(_RUN)
    if run is not None:
        with st.container(key="trial-answer"):
            # Written by the page: the browser may remove a container that is empty for a moment.
            st.empty()
            _draw_answer(run)


def _start(tab: ExperimentTab, request: Request) -> None:
    if (backend := tab.backend) is not None:
        model = find_or_stand_in(request.model)
        run = AnswerRun(registry().client, backend, model, request, lambda _: None)
        st.session_state[_RUN] = run.start()


@st.fragment
def _draw_answer(run: AnswerRun) -> None:
    if run.is_running:
        st.caption(":material/hourglass: Waiting for the answer …")
        refresh_after("trial", 0.4)
        return
    answer: Answer = run.answer
    with st.container(border=True):
        if answer.error is not None:
            draw_error(answer.error)
        if answer.text:
            model_text.draw_text(answer.text, "trial")
        st.caption(answer_stats.answer_line((answer,)), help=answer_stats.exact_cost((answer,)))
