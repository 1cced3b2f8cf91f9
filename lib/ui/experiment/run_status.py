"""The state of the shown run, the choice of another run, and the retry of failed requests."""

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
from lib.store.stored_values import RunEntry
from lib.ui.answer.answer_stats import cost_text
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.experiment.results_view import OtherRun
from lib.ui.shell.registry import registry
from lib.ui.widgets.bound import bind, draw_selectbox
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.local_time import format_local_time
from lib.ui.widgets.short_text import count_of

_RUN = "run-chosen"  # the key of the choice

_STATE_TEXTS = {
    RunState.READY: "Not started.",
    RunState.RUNNING: "Running. You can leave this page. Changes above apply to the next run.",
    RunState.PAUSED: "Paused. Continue to finish.",
    RunState.STOPPED: "Stopped. Continue to finish.",
    RunState.ELSEWHERE: "Another Paddock server is working on this run, or was closed less than half a minute ago. "
    "You can continue here when it has ended, or half a minute after it was closed.",
    RunState.INTERRUPTED: "Paddock was closed during this run. The answers so far are kept. Continue to finish.",
    RunState.BUDGET: "The budget is used up. Raise it under Budget, then continue.",
    RunState.DONE: "Done.",
    RunState.FAILED: "Paddock could not continue this run. The answers so far are kept.",
}


def draw_run_status(tab: ExperimentTab, run: ExperimentRun) -> None:
    """Draw the state of the run. Its progress while it is running is in the run bar."""
    progress = run.progress()
    with st.container(key="run-state"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("Results", anchor=False, width="content")
            totals = "" if run.is_working else _totals(run, progress)
            st.markdown(f":small[{_STATE_TEXTS[progress.state]}{totals}]", width="stretch")
            if not run.is_working:
                _draw_retry(tab, progress)
            _draw_run_choice(tab, run)
        if progress.error is not None:
            draw_error(progress.error)
        if progress.doubtful and not run.is_working:
            st.caption(
                f":material/help: {count_of(progress.doubtful, 'request')} may have been answered and paid for when "
                "Paddock was closed. Nothing is sent again automatically."
            )


def describe_state(run: ExperimentRun) -> str:
    """Return what is read out when the run has ended or was paused."""
    progress = run.progress()
    failed = f", {progress.failed:,} failed" if progress.failed else ""
    return f"{_STATE_TEXTS[progress.state]} {progress.answered:,} of {progress.cells:,} answered{failed}."


def _totals(run: ExperimentRun, progress: RunProgress) -> str:
    parts = [f" {progress.answered:,} of {progress.cells:,} answered"]
    if progress.stored:
        parts.append(f"{progress.stored:,} of them answered before, free of charge")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    parts.append(f"{progress.requests:,} requests")
    parts.append(cost_text(progress.dollars, billed=run.is_billed))
    if progress.uncertain:
        parts.append(f"and up to \\{format_dollars(progress.uncertain)} that may have been paid")
    return " · ".join(parts)


def _draw_retry(tab: ExperimentTab, progress: RunProgress) -> None:
    if not progress.doubtful and not progress.failed:
        return
    count = progress.doubtful + progress.failed
    st.button(
        f"Ask {'this one' if count == 1 else f'these {count:,}'} again"
        + (" (may cost twice)" if progress.doubtful else ""),
        key="run-again",
        icon=":material/replay:",
        on_click=tab.retry_failed,
        disabled=tab.backend is None,
    )


def _draw_run_choice(tab: ExperimentTab, run: ExperimentRun) -> None:
    runs = {entry.id: (len(tab.runs) - index, entry) for index, entry in enumerate(tab.runs)}
    if len(runs) < 2:
        return
    box = bind(_RUN, run.id, tab.show_run)
    draw_selectbox(
        "Run",
        list(runs),
        box,
        format_func=lambda id: _title(tab, *runs[id]),
        label_visibility="collapsed",
        width=330,
    )


def other_runs(tab: ExperimentTab, run: ExperimentRun) -> tuple[OtherRun, ...]:
    """Return the experiment's other runs that have any result, to compare with."""
    runs = tab.runs
    return tuple(
        OtherRun(entry.id, _title(tab, len(runs) - index, entry), partial(_load, tab, entry.id))
        for index, entry in enumerate(runs)
        if entry.id != run.id and (entry.answered or entry.failed)
    )


def _load(tab: ExperimentTab, id: str) -> tuple[Plan, Sequence[Result]]:
    other = registry().find_experiment_run(tab.owner, id)
    if other is None:
        raise BadInput("This run was deleted.", advice="Choose another one.")
    return other.plan, other.latest()


def _title(tab: ExperimentTab, number: int, run: RunEntry) -> str:
    # The entries were read when the page was drawn, so a count of a run that is working would be an old one.
    is_working = registry().is_experiment_run_working(tab.owner, run.id)
    count = "running" if is_working else f"{run.answered:,} of {run.cell_count:,}"
    return f"Run {number} · {format_local_time(run.started)} · {count}"
