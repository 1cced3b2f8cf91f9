"""Problems: what keeps the experiment from being run, at the section that it is about."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from lib.experiment.plan_problems import Problem, Where
from lib.ui.widgets.safe_markdown import label


def mark(found: Iterable[Problem], *where: Where) -> str:
    """How many there are of a section, for its label; empty for none."""
    many = sum(one.where in where for one in found)
    return f" · :red[:material/error: {many}]" if many else ""


def draw(found: Iterable[Problem], *where: Where, number: int | None = None) -> None:
    """Those of a section; ``number``: of that prompt, axis or check in it alone."""
    for one in found:
        if one.where in where and (number is None or one.number == number):
            said(one.message, one.advice)


def remarked(message: str, advice: str) -> None:
    """What is not wrong, but worth knowing before the run."""
    st.markdown(f":small[:material/info: {label(message)} {label(advice)}]")


def said(message: str, advice: str = "") -> None:
    """What is wrong in one line, and what to do."""
    st.markdown(f":small[:red[:material/error: {label(message)}] {label(advice)}]")
