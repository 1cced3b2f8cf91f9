"""Run: how the run stands that is looked at, and what can be done about what went wrong in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from lib.errors import BadInput
from lib.experiment.plan import Plan
from lib.experiment.results.cell_result import Result
from lib.model.pricing import show_dollars
from lib.runner.experiment_run import Batch
from lib.runner.progress import Progress, State
from lib.store import RunEntry
from lib.ui.experiment.experiment_tab import Desk
from lib.ui.experiment.held import held
from lib.ui.experiment.results_view import Other
from lib.ui.shell.registry import registry
from lib.ui.widgets.error_box import trouble

_CHOSEN = "run-chosen"

_SAID = {
    State.READY: "Not started.",
    State.RUNNING: "It runs. You may leave the page: it goes on. What you change above counts from the next run.",
    State.PAUSED: "Paused. Go on asks the rest.",
    State.STOPPED: "Stopped. Go on asks the rest.",
    State.INTERRUPTED: "Paddock was ended while this ran. What had come is kept, and Go on asks only the rest.",
    State.BUDGET: "The budget has no room for the next request. Raise it under Budget, then go on.",
    State.DONE: "Done.",
    State.FAILED: "Paddock could not go on with it. What had come is kept.",
}


def draw(desk: Desk, batch: Batch) -> None:
    """The section. It does not change while the run does: the bar does."""
    seen = batch.progress()
    with st.container(key="run-state", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.subheader("Results", anchor=False, width="stretch")
            _choice(desk, batch)
        st.markdown(f":small[{_SAID[seen.state]}{'' if batch.at_work else _sums(seen)}]")
        if seen.error is not None:
            trouble(seen.error)
        if not batch.at_work:
            _doubtful(desk, seen)


def _sums(seen: Progress) -> str:
    parts = [f" {seen.answered:,} of {seen.cells:,} answered"]
    if seen.stored:
        parts.append(f"{seen.stored:,} of them known already, free of charge")
    if seen.failed:
        parts.append(f"{seen.failed:,} failed")
    parts.append(f"{seen.requests:,} requests")
    parts.append(f"\\{show_dollars(seen.dollars)}")
    if seen.uncertain:
        parts.append(f"and up to \\{show_dollars(seen.uncertain)} that may have been paid")
    return " · ".join(parts)


def _doubtful(desk: Desk, seen: Progress) -> None:
    if not seen.doubtful and not seen.failed:
        return
    if seen.doubtful:
        st.caption(
            f":material/help: {seen.doubtful:,} {'was' if seen.doubtful == 1 else 'were'} on the way when it ended: "
            "nobody knows whether they were answered and paid. They are not asked again by themselves."
        )
    again = seen.doubtful + seen.failed
    st.button(
        f"Ask {'this one' if again == 1 else f'these {again:,}'} again"
        + (" (may be paid twice)" if seen.doubtful else ""),
        key="run-again",
        icon=":material/replay:",
        on_click=desk.ask_again,
        disabled=desk.backend is None,
    )


def _choice(desk: Desk, batch: Batch) -> None:
    runs = {one.id: (len(desk.runs) - at, one) for at, one in enumerate(desk.runs)}
    if len(runs) < 2:
        return
    key = held(_CHOSEN, batch.id)
    st.selectbox(
        "Run",
        list(runs),
        list(runs).index(batch.id),
        key=key,
        format_func=lambda id: _title(*runs[id]),
        label_visibility="collapsed",
        on_change=lambda: desk.look_at(st.session_state[key]),
        width=330,
    )


def others(desk: Desk, batch: Batch) -> tuple[Other, ...]:
    """The experiment's other runs that have come to something, to compare with."""
    runs = desk.runs
    return tuple(
        Other(one.id, _title(len(runs) - at, one), partial(_loaded, desk, one.id))
        for at, one in enumerate(runs)
        if one.id != batch.id and (one.answered or one.failed)
    )


def _loaded(desk: Desk, id: str) -> tuple[Plan, Sequence[Result]]:
    other = registry().batch(desk.owner, id)
    if other is None:
        raise BadInput("This run was deleted.", advice="Choose another one.")
    return other.plan, other.latest()


def _title(number: int, run: RunEntry) -> str:
    return f"Run {number} · {run.started:%Y-%m-%d %H:%M} UTC · {run.answered:,} of {run.cells:,}"
