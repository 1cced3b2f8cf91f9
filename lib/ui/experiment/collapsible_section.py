"""A section of the Experiment page that can be collapsed to one line with its summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import streamlit as st

from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.experiment.plan_warnings import find_warnings
from lib.ui.experiment import problem_notes
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.widgets.scroll_into_view import scroll_into_view


class Section(Protocol):
    """A module that draws one part of the plan, such as ``prompts_section``."""

    def summary(self, tab: ExperimentTab) -> str: ...
    def draw(self, tab: ExperimentTab, problems: Sequence[PlanProblem]) -> None: ...


def draw_section(
    name: str, tab: ExperimentTab, problems: Sequence[PlanProblem], part: PlanPart, section: Section
) -> None:
    """Draw the section of one part of the plan. ``problems`` are those of all sections; the head counts its own.

    A collapsed section is not drawn at all.
    """
    # No expander: its label changes with the summary, and Streamlit takes an expander with another label for another
    # one, which is closed.
    is_open = tab.is_section_open(part)
    key = f"section-{name.lower()}"
    with st.container(border=True, key=key):
        with st.container(horizontal=True, vertical_alignment="center", wrap=False):
            st.button(
                f"**{name}**",
                key=f"{key}-head",
                type="tertiary",
                width="content",
                icon=":material/expand_more:" if is_open else ":material/chevron_right:",
                on_click=tab.set_section_open,
                args=(part, not is_open),
            )
            st.markdown(
                f":small[:gray[{section.summary(tab)}]{problem_notes.problem_count(problems, part)}]",
                width="stretch",
            )
        if (number := tab.opening_number(part)) is not None and is_open:
            scroll_into_view("section", key, number)
        if is_open:
            section.draw(tab, problems)
            for warning in find_warnings(tab.plan, tab.model) if not problems else ():
                if warning.part is part:
                    problem_notes.draw_remark(warning.message, warning.advice)
