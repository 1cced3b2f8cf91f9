"""Section: a part of the page under its summary; closed, it is not drawn at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import streamlit as st

from lib.experiment.problem import Problem, Where
from lib.ui.experiment import problems

_OPEN = "sections-open"  # in the session's state


def section(
    name: str, summary: str, draw: Callable[[], None], found: Iterable[Problem], where: Where, *,
    expanded: bool = False,
) -> None:  # fmt: skip
    """``where`` is the part of the plan whose problems its head counts; ``expanded``: it is open at first."""
    # No expander: to the server one whose label changes, as this one's does, would be another one, and closed.
    states: dict[str, bool] = st.session_state.setdefault(_OPEN, {})
    shown = states.setdefault(name, expanded)
    key = f"section-{name.lower()}"
    with st.container(border=True, key=key, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
            st.button(
                f"**{name}**", key=f"{key}-head", type="tertiary", width="content",
                icon=":material/expand_more:" if shown else ":material/chevron_right:",
                on_click=_turn, args=(name, not shown),
            )  # fmt: skip
            st.markdown(f":small[:gray[{summary}]{problems.mark(found, where)}]", width="stretch")
        if shown:
            draw()


def close_all() -> None:
    """Leave the heads alone."""
    states: dict[str, bool] = st.session_state.setdefault(_OPEN, {})
    states.update(dict.fromkeys(states, False))


def _turn(name: str, shown: bool) -> None:
    states: dict[str, bool] = st.session_state.setdefault(_OPEN, {})
    states[name] = shown
