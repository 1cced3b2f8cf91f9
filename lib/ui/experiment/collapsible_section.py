"""Section: a part of the page under its summary; closed, it is not drawn at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.experiment.plan_warnings import find_warnings
from lib.ui.experiment import problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab

SummarySource = Callable[[ExperimentTab], str]
DrawSection = Callable[[ExperimentTab, Sequence[PlanProblem]], None]


def draw_section(
    name: str,
    desk: ExperimentTab,
    found: Sequence[PlanProblem],
    where: PlanPart,
    summary: SummarySource,
    draw: DrawSection,
) -> None:
    """``where`` is the part of the plan that it shows; ``found`` are all problems: its head counts its own."""
    # No expander: to the server one whose label changes, as this one's does, would be another one, and closed.
    shown = desk.is_section_open(name)
    key = f"section-{name.lower()}"
    with st.container(border=True, key=key, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
            st.button(
                f"**{name}**",
                key=f"{key}-head",
                type="tertiary",
                width="content",
                icon=":material/expand_more:" if shown else ":material/chevron_right:",
                on_click=desk.set_section_open,
                args=(name, not shown),
            )
            st.markdown(
                f":small[:gray[{summary(desk)}]{problem_notes.problem_count(found, where)}]", width="stretch"
            )
        if shown:
            draw(desk, found)
            for one in find_warnings(desk.plan, desk.model) if not found else ():
                if one.part is where:
                    problem_notes.draw_remark(one.message, one.advice)
