"""The results of a run, also while it is running: overview, answers, side by side, and downloads."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib.experiment.plan import Plan
from lib.model.model_record import Model
from lib.ui.experiment import (
    answer_filters,
    answer_table,
    downloads,
    overview,
    paired_answers,
    winner_actions,
)
from lib.ui.experiment.results_view import SECTION, OtherRun, ResultSource, ResultsSection, current_view
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.bound import bind_choice, draw_choice

REFRESH_SECONDS = 2.0  # while the run is running


def draw_results(
    plan: Plan,
    model: Model,
    run: ResultSource,
    *,
    name: str,
    running: bool = False,
    others: Sequence[OtherRun] = (),
) -> None:
    """Draw the results of ``run``, whose plan was ``plan``. ``name`` is the experiment's, ``others`` its other runs.

    ``running``: more results may come, so a fragment refreshes itself every two seconds. The caller reruns the page
    when the run has ended.
    """
    # In a container of its own: a late refresh of the fragment could overwrite what follows it.
    with st.container(key="results"):
        # Written by the page: the browser may remove a container that is empty between two runs of the fragment.
        st.empty()
        _draw_refreshing(plan, model, run, name, running, tuple(others))


@st.fragment
def _draw_refreshing(
    plan: Plan, model: Model, run: ResultSource, name: str, running: bool, others: tuple[OtherRun, ...]
) -> None:
    if running:
        refresh_after("results", REFRESH_SECONDS)
    winner_actions.open_requested_chat()
    view = current_view(plan, model, run)
    if not view.sheet.rows:
        st.caption("Waiting for the first answers." if running else "No answers yet.")
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        sections = [ResultsSection.OVERVIEW, ResultsSection.ANSWERS]
        if paired_answers.comparable_things(view, others):
            sections.append(ResultsSection.SIDE_BY_SIDE)
        section = draw_choice(
            "Section", sections, bind_choice(SECTION, sections), label_visibility="collapsed"
        )
        if section is ResultsSection.ANSWERS:
            answer_filters.draw_filter_line(view)
        downloads.draw_download_menu(view, name)
    match section:
        case ResultsSection.ANSWERS:
            answer_table.draw_answer_table(view)
        case ResultsSection.SIDE_BY_SIDE:
            paired_answers.draw_paired_answers(view, others)
        case _:
            overview.draw_overview(view)
