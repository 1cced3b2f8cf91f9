"""Problems: what keeps the experiment from being run, at the section that it is about."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from lib.experiment.plan_problems import PlanPart, PlanProblem
from lib.ui.widgets.safe_markdown import escape_markdown


def problem_count(found: Iterable[PlanProblem], *where: PlanPart) -> str:
    """How many there are of a section, for its label; empty for none."""
    many = sum(one.part in where for one in found)
    return f" · :red[:material/error: {many}]" if many else ""


def draw_problems(found: Iterable[PlanProblem], *where: PlanPart, number: int | None = None) -> None:
    """Those of a section; ``number``: of that prompt, axis or check in it alone."""
    for one in found:
        if one.part in where and (number is None or one.number == number):
            draw_problem(one.message, one.advice)


def draw_remark(message: str, advice: str) -> None:
    """What is not wrong, but worth knowing before the run."""
    st.markdown(f":small[:material/info: {escape_markdown(message)} {escape_markdown(advice)}]")


def draw_problem(message: str, advice: str = "") -> None:
    """What is wrong in one line, and what to do."""
    st.markdown(f":small[:red[:material/error: {escape_markdown(message)}] {escape_markdown(advice)}]")
