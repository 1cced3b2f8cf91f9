"""Run: how the run stands that is looked at, and what can be done about what went wrong in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from lib.errors import BadInput
from lib.experiment.plan import Plan
from lib.experiment.results.cell_result import Result
from lib.model.pricing import format_dollars
from lib.runner.experiment_run import ExperimentRun
from lib.runner.progress import RunProgress, RunState
from lib.store import RunEntry
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.experiment.results_view import OtherRun
from lib.ui.shell.registry import registry
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_error

_CHOSEN = "run-chosen"

_SAID = {
    RunState.READY: "Not started.",
    RunState.RUNNING: "It runs. You may leave the page: it goes on. What you change above counts from the next run.",
    RunState.PAUSED: "Paused. Go on asks the rest.",
    RunState.STOPPED: "Stopped. Go on asks the rest.",
    RunState.INTERRUPTED: "Paddock was ended while this ran. What had come is kept, and Go on asks only the rest.",
    RunState.BUDGET: "The budget has no room for the next request. Raise it under Budget, then go on.",
    RunState.DONE: "Done.",
    RunState.FAILED: "Paddock could not go on with it. What had come is kept.",
}


def draw_run_status(desk: ExperimentTab, batch: ExperimentRun) -> None:
    """The section. It does not change while the run does: the bar does."""
    seen = batch.progress()
    with st.container(key="run-state", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.subheader("Results", anchor=False, width="stretch")
            _choice(desk, batch)
        st.markdown(f":small[{_SAID[seen.state]}{'' if batch.is_working else _sums(seen)}]")
        if seen.error is not None:
            draw_error(seen.error)
        if not batch.is_working:
            _doubtful(desk, seen)


def _sums(seen: RunProgress) -> str:
    parts = [f" {seen.answered:,} of {seen.cells:,} answered"]
    if seen.stored:
        parts.append(f"{seen.stored:,} of them known already, free of charge")
    if seen.failed:
        parts.append(f"{seen.failed:,} failed")
    parts.append(f"{seen.requests:,} requests")
    parts.append(f"\\{format_dollars(seen.dollars)}")
    if seen.uncertain:
        parts.append(f"and up to \\{format_dollars(seen.uncertain)} that may have been paid")
    return " · ".join(parts)


def _doubtful(desk: ExperimentTab, seen: RunProgress) -> None:
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
        on_click=desk.retry_failed,
        disabled=desk.backend is None,
    )


def _choice(desk: ExperimentTab, batch: ExperimentRun) -> None:
    runs = {one.id: (len(desk.runs) - at, one) for at, one in enumerate(desk.runs)}
    if len(runs) < 2:
        return
    box = bind(_CHOSEN, batch.id, desk.show_run)
    st.selectbox(
        "Run",
        list(runs),
        list(runs).index(box.value),
        key=box.key,
        format_func=lambda id: _title(*runs[id]),
        label_visibility="collapsed",
        on_change=box.on_change,
        width=330,
    )


def other_runs(desk: ExperimentTab, batch: ExperimentRun) -> tuple[OtherRun, ...]:
    """The experiment's other runs that have come to something, to compare with."""
    runs = desk.runs
    return tuple(
        OtherRun(one.id, _title(len(runs) - at, one), partial(_loaded, desk, one.id))
        for at, one in enumerate(runs)
        if one.id != batch.id and (one.answered or one.failed)
    )


def _loaded(desk: ExperimentTab, id: str) -> tuple[Plan, Sequence[Result]]:
    other = registry().find_experiment_run(desk.owner, id)
    if other is None:
        raise BadInput("This run was deleted.", advice="Choose another one.")
    return other.plan, other.latest()


def _title(number: int, run: RunEntry) -> str:
    return f"Run {number} · {run.started:%Y-%m-%d %H:%M} UTC · {run.answered:,} of {run.cell_count:,}"
