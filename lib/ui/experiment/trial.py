"""Trial: one cell's exact request, to look at before all of them are sent, and to send alone."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib import wire
from lib.answer import Answer
from lib.errors import BadInput
from lib.experiment import asking, grid
from lib.experiment.plan import Cell
from lib.experiment.problem import Problem, Where
from lib.request import Request
from lib.run import Run
from lib.ui import excerpt, figures, markdown
from lib.ui.experiment.desk import Desk
from lib.ui.markdown import label
from lib.ui.pulse import pulse
from lib.ui.registry import registry
from lib.ui.trouble import trouble

_RUN, _HEIGHT = "trial-run", 260


def draw(desk: Desk, found: Sequence[Problem]) -> None:
    """The panel. It needs a plan of which there is a first request."""
    plan = desk.plan
    st.markdown("**Look at one request, and try it alone**")
    if any(one.where in (Where.PROMPT, Where.INPUTS, Where.SETTINGS) for one in found):
        st.caption("Once the problems above are mended.")
        return
    ways = grid.variants(plan, desk.model)
    left, middle, right = st.columns(3)
    prompt = left.selectbox(
        "Prompt",
        range(len(plan.prompts)),
        key="trial-prompt",
        persist_state="session",
        format_func=lambda at: plan.prompts[at].name if at < len(plan.prompts) else "",
    )
    row = middle.number_input("Row", min_value=1, max_value=grid.rows(plan), key="trial-row", step=1)
    way = right.number_input("Setting", min_value=1, max_value=len(ways), key="trial-way", step=1)
    cell = Cell(0, min(int(prompt or 0), len(plan.prompts) - 1), int(row) - 1, int(way) - 1, 0)
    st.caption(f"Setting {way}: {label(ways[cell.variant].name)}")
    try:
        request = asking.request(desk.model, plan, cell, ways)
    except BadInput as error:
        trouble(error)
        return
    excerpt.draw_json(wire.encode(request), _HEIGHT)
    st.button(
        "Try this one",
        key="trial-start",
        icon=":material/play_arrow:",
        on_click=_start,
        args=(desk, request),
        disabled=desk.backend is None,
        help="One request, outside the run and its budget.",
    )
    run: Run | None = st.session_state.get(_RUN)
    if run is not None:
        with st.container(key="trial-answer"):
            st.empty()  # the page's own: what is empty for a moment is taken away
            _answer(desk, run)


def _start(desk: Desk, request: Request) -> None:
    if desk.backend is not None:
        run = Run(registry().client, desk.backend, desk.model, request, lambda _: None)
        st.session_state[_RUN] = run.start()


@st.fragment
def _answer(desk: Desk, run: Run) -> None:
    if run.running:
        st.caption(":material/hourglass: Waiting for the answer …")
        pulse("trial", 0.4)
        return
    answer: Answer = run.answer
    with st.container(border=True):
        if answer.error is not None:
            trouble(answer.error)
        if answer.text:
            for block in markdown.blocks(answer.text):
                if isinstance(block, markdown.Prose):
                    st.markdown(markdown.drawable(block.text))
                else:
                    excerpt.draw_text(block.text, block.language)
        st.caption(figures.answer_line(desk.model, (answer,)))
