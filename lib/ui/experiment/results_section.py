"""Results: what came of a run, while it comes: the picture, the answers, two ways side by side, and files of it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import streamlit as st

from lib.experiment.plan import Plan
from lib.model.model_record import Model
from lib.ui.experiment import answer_table, downloads, overview, paired_answers, winner_actions
from lib.ui.experiment.results_view import PREFIX, OtherRun, ResultSource, ResultsView, current_view
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.bound import bind_choice

SECTION = f"{PREFIX}section"
REFRESH_SECONDS = 2.0  # seconds, while a run goes on


class ResultsSection(StrEnum):
    """The sections of the results, with their labels."""

    OVERVIEW = "Overview"
    ANSWERS = "Answers"
    SIDE_BY_SIDE = "Side by side"


def draw_results(
    plan: Plan,
    model: Model,
    run: ResultSource,
    *,
    name: str,
    running: bool = False,
    others: Sequence[OtherRun] = (),
) -> None:
    """The results of ``run``, which asked ``plan``. ``name`` is the experiment's, ``others`` its other runs.

    ``running``: more may come; it is then looked at every two seconds, by a fragment that disturbs nobody. Whoever
    draws this draws the page anew once the run has ended.
    """
    with st.container(key="results"):  # a place of its own, or a late poll could overwrite what follows
        st.empty()  # the page's own: else the browser may take the place away between two runs of the fragment
        _draw(plan, model, run, name, running, tuple(others))


@st.fragment
def _draw(
    plan: Plan, model: Model, run: ResultSource, name: str, running: bool, others: tuple[OtherRun, ...]
) -> None:
    if running:
        refresh_after("results", REFRESH_SECONDS)
    winner_actions.open_requested_chat()
    known = current_view(plan, model, run)
    if not known.sheet.rows:
        st.caption("The first answers are on their way." if running else "Nothing has been asked yet.")
        return
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"
    ):
        sections = [ResultsSection.OVERVIEW, ResultsSection.ANSWERS]
        if paired_answers.can_compare(known, others):
            sections.append(ResultsSection.SIDE_BY_SIDE)
        section = bind_choice(SECTION, sections)
        st.segmented_control(
            "Section",
            sections,
            default=section.value,
            key=section.key,
            required=True,
            label_visibility="collapsed",
            on_change=section.on_change,
        )
        downloads.draw_download_menu(known, name)
    _draw_section(known, section.value, others)


def _draw_section(known: ResultsView, section: ResultsSection, others: tuple[OtherRun, ...]) -> None:
    match section:
        case ResultsSection.ANSWERS:
            answer_table.draw_answer_table(known)
        case ResultsSection.SIDE_BY_SIDE:
            paired_answers.draw_paired_answers(known, others)
        case _:
            overview.draw_overview(known)
