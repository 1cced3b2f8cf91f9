"""Section: a part of the page under its summary; closed, it is not drawn at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from lib.experiment.plan_problems import Problem, Where
from lib.experiment.plan_warnings import remarks
from lib.ui.experiment import problem_notes
from lib.ui.experiment.experiment_tab import Desk

Summary = Callable[[Desk], str]
Draw = Callable[[Desk, Sequence[Problem]], None]


def section(
    name: str, desk: Desk, found: Sequence[Problem], where: Where, summary: Summary, draw: Draw
) -> None:
    """``where`` is the part of the plan that it shows; ``found`` are all problems: its head counts its own."""
    # No expander: to the server one whose label changes, as this one's does, would be another one, and closed.
    shown = desk.shows(name)
    key = f"section-{name.lower()}"
    with st.container(border=True, key=key, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
            st.button(
                f"**{name}**",
                key=f"{key}-head",
                type="tertiary",
                width="content",
                icon=":material/expand_more:" if shown else ":material/chevron_right:",
                on_click=desk.show,
                args=(name, not shown),
            )
            st.markdown(f":small[:gray[{summary(desk)}]{problem_notes.mark(found, where)}]", width="stretch")
        if shown:
            draw(desk, found)
            for one in remarks(desk.plan, desk.model) if not found else ():
                if one.where is where:
                    problem_notes.remarked(one.message, one.advice)
