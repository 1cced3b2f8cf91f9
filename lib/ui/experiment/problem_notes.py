"""Notes at a section: the problems that prevent a run, and remarks."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.ui.widgets.safe_markdown import escape_markdown


def problem_count(problems: Iterable[PlanProblem], part: PlanPart) -> str:
    """Return the number of a section's problems for its label, empty for none."""
    count = sum(problem.part is part for problem in problems)
    return f" · :red[:material/error: {count}]" if count else ""


def draw_problems(problems: Iterable[PlanProblem], part: PlanPart, number: int | None = None) -> None:
    """Draw the problems of a section; ``number``: only those of that prompt, axis or check in it."""
    for problem in problems:
        if problem.part is part and (number is None or problem.number == number):
            draw_problem(problem.message, problem.advice)


def draw_remark(message: str, advice: str) -> None:
    """Draw a note that does not prevent a run."""
    st.markdown(f":small[:material/info: {escape_markdown(message)} {escape_markdown(advice)}]")


def draw_problem(message: str, advice: str = "") -> None:
    """Draw a problem and what to do about it, in one line."""
    st.markdown(f":small[:red[:material/error: {escape_markdown(message)}] {escape_markdown(advice)}]")
