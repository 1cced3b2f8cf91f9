"""The sections of the Experiment page, each of which can be collapsed to its summary."""

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


SetupSection = tuple[str, PlanPart, Section]  # with its name


def draw_setup(
    tab: ExperimentTab, problems: Sequence[PlanProblem], rows: Sequence[Sequence[SetupSection]]
) -> None:
    """Draw the sections of the plan: one line if all are collapsed, else these rows of boxes.

    ``problems`` are those of all sections; the head of each section counts its own.
    """
    with st.container(key="setup"):
        if any(tab.is_section_open(part) for row in rows for _, part, _ in row):
            for row in rows:
                for place, box in zip(st.columns(len(row)), row, strict=True):
                    with place:
                        _draw_section(tab, problems, *box)
            return
        # Results get the height of the boxes.
        with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="setup-line"):
            for name, part, section in (section for row in rows for section in row):
                with st.container(
                    horizontal=True,
                    vertical_alignment="center",
                    gap="xsmall",
                    wrap=False,
                    width="content",
                    key=_key(name),
                ):
                    _draw_head(tab, problems, name, part, section, is_open=False)


def _key(name: str) -> str:
    return f"section-{name.lower()}"


def _draw_head(
    tab: ExperimentTab,
    problems: Sequence[PlanProblem],
    name: str,
    part: PlanPart,
    section: Section,
    *,
    is_open: bool,
    is_wide: bool = False,
) -> None:
    """Draw a section's name, which opens or collapses it, and its summary."""
    st.button(
        f"**{name}**",
        key=f"{_key(name)}-head",
        type="tertiary",
        width="content",
        icon=":material/expand_more:" if is_open else ":material/chevron_right:",
        on_click=tab.set_section_open,
        args=(part, not is_open),
    )
    st.markdown(
        f":small[:gray[{section.summary(tab)}]{problem_notes.problem_count(problems, part)}]",
        width="stretch" if is_wide else "content",
    )


def _draw_section(
    tab: ExperimentTab, problems: Sequence[PlanProblem], name: str, part: PlanPart, section: Section
) -> None:
    """Draw the box of one part of the plan. A collapsed section is not drawn at all."""
    # No expander: its label changes with the summary, and Streamlit takes an expander with another label for another
    # one, which is closed.
    is_open = tab.is_section_open(part)
    with st.container(border=True, key=_key(name)):
        with st.container(horizontal=True, vertical_alignment="center", wrap=False):
            _draw_head(tab, problems, name, part, section, is_open=is_open, is_wide=True)
        if (number := tab.opening_number(part)) is not None and is_open:
            scroll_into_view("section", _key(name), number)
        if is_open:
            section.draw(tab, problems)
            for warning in find_warnings(tab.resolved) if not problems else ():
                if warning.part is part:
                    problem_notes.draw_remark(warning.message, warning.advice)
