"""The bar below the page: the size of a run and Start, or its progress with Pause and Stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from lib.errors import BadInput
from lib.experiment import plan_grid
from lib.experiment.plan_problems import PlanProblem, find_problems
from lib.model.pricing import format_dollars
from lib.runner.experiment_run import ExperimentRun
from lib.runner.progress import RunProgress, RunState
from lib.ui.answer.answer_stats import cost_text
from lib.ui.experiment import limits_section, live_text_area, prompts_section
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.shell.registry import ELSEWHERE_SECONDS
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.short_text import count_of

POLL_SECONDS = 0.5


def draw_run_bar(tab: ExperimentTab, problems: Sequence[PlanProblem]) -> None:
    """Draw the bar, in a fragment that follows the typing in the text boxes and the progress of the run.

    ``problems``: those that the page shows. When there are others, the whole page reruns.
    """
    page_state = _PageState(tuple(problems), prompts_section.used_variables(tab), _run_state(tab.run))
    # In a container of its own: a run of the fragment that coincides with one of the page could overwrite what
    # follows it. The page writes something into it, because the browser may remove an empty container.
    with st.container(key="experiment-bar"):
        st.empty()
        _draw_bar(tab, page_state)


@dataclass(frozen=True)
class _PageState:
    """The state that the page has drawn. If it differs from the present state, the page must rerun."""

    problems: tuple[PlanProblem, ...]
    variables: tuple[str, ...]
    run: tuple[RunState, bool, int] | None


@st.fragment
def _draw_bar(tab: ExperimentTab, page_state: _PageState) -> None:
    run = tab.run
    problems = find_problems(tab.resolved)
    if page_state != _PageState(problems, prompts_section.used_variables(tab), _run_state(run)):
        tab.draft.clear_cached_runs()
        st.rerun()
    if run is not None and run.is_working:
        _draw_progress(tab, run.progress())
        refresh_after("bar", POLL_SECONDS)
    else:
        _draw_start(tab, run, problems)
        if run is not None and run.state is RunState.ELSEWHERE:
            refresh_after("bar", ELSEWHERE_SECONDS)
    # Last: the component takes up space until the browser has loaded it.
    live_text_area.watch_typing()


def _run_state(run: ExperimentRun | None) -> tuple[RunState, bool, int] | None:
    """Return the run's state, True while results may come (a paused run's are on their way), and a count.

    The count is of the results of a run that another server works on: the page shows them as they come.
    """
    if run is None:
        return None
    return run.state, run.is_working, len(run.results()) if run.state is RunState.ELSEWHERE else 0


def _draw_start(tab: ExperimentTab, run: ExperimentRun | None, problems: Sequence[PlanProblem]) -> None:
    if (error := tab.pop_error()) is not None:
        draw_error(error)
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.markdown(_size_line(tab, problems), width="stretch")
        if run is not None and run.state in (
            RunState.PAUSED,
            RunState.STOPPED,
            RunState.INTERRUPTED,
            RunState.ELSEWHERE,
            RunState.BUDGET,
        ):
            st.button(
                "Continue",
                key="run-resume",
                icon=":material/resume:",
                on_click=tab.resume,
                disabled=tab.backend is None,
                help="Asks what is missing in this run",
            )
        st.button(
            "Start" if run is None else "Run again",
            key="run-start",
            icon=":material/play_arrow:",
            type="primary",
            on_click=tab.start_run,
            disabled=bool(problems) or tab.backend is None,
            help=" ".join(escape_markdown(problem.message) for problem in problems[:3]) if problems else None,
        )


def _size_line(tab: ExperimentTab, problems: Sequence[PlanProblem]) -> str:
    plan = tab.plan
    parts = [
        count_of(len(plan.prompts), "prompt"),
        count_of(plan_grid.count_rows(plan), "input"),
        count_of(plan_grid.count_settings(plan), "setting"),
    ]
    if len(plan.models) > 1:
        parts.insert(0, count_of(len(plan.models), "model"))
    if plan.repetitions > 1:
        parts.append(count_of(plan.repetitions, "repetition"))
    if tab.is_blank:
        return ":small[Write a prompt, or start with a sample.]"
    # Two parts, of which a phone shows the second (static/paddock.css).
    size = f":small[{' × '.join(parts)} =] :small[**{count_of(plan_grid.count_cells(plan), 'request')}**"
    if problems:
        return f"{size} · :red[:material/error: {escape_markdown(problems[0].message)}]]"
    try:
        estimate = tab.estimate
    except BadInput as error:
        return f"{size} · :red[:material/error: {escape_markdown(error.message)}]]"
    if estimate.judge_requests:
        size += f" + {count_of(estimate.judge_requests, 'judgement')}"
    dollars = limits_section.format_dollar_range(tab, estimate)
    return f"{size} · {dollars} · ≈ {limits_section.format_time_range(estimate)}]"


def _draw_progress(tab: ExperimentTab, progress: RunProgress) -> None:
    done, is_running = _done_count(progress), progress.state is RunState.RUNNING
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        share = done / progress.cells if progress.cells else 0.0
        st.progress(share, text=_progress_text(tab, progress), width="stretch")
        st.button(
            "Pause",
            key="run-pause",
            icon=":material/pause:",
            on_click=tab.pause,
            disabled=not is_running,
            help="Sends no more requests. Those in progress are completed and kept.",
        )
        st.button(
            "Stop",
            key="run-stop",
            icon=":material/stop_circle:",
            on_click=tab.stop,
            shortcut="Escape",
            help="Ends at once. Requests in progress are cut off and may still cost money.",
        )


def _done_count(progress: RunProgress) -> int:
    return progress.answered + progress.failed + progress.doubtful


def _progress_text(tab: ExperimentTab, progress: RunProgress) -> str:
    # What holds the run up comes first: a phone has room for that alone.
    parts = []
    is_running = progress.state is RunState.RUNNING
    if not is_running:
        parts.append(f":material/pause: No more requests are sent; {progress.in_flight} in progress")
    elif progress.waiting:
        parts.append(f":material/hourglass: {escape_markdown(progress.waiting)}")
    parts.append(f"{_done_count(progress):,} of {progress.cells:,}")
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.seconds_left is not None:
        parts.append(f"≈ {limits_section.format_duration(progress.seconds_left)} left")
    run = tab.run
    limits = tab.plan.limits if run is None else run.limits
    is_billed = tab.is_billed if run is None else run.is_billed
    spent = cost_text(progress.dollars + progress.uncertain, billed=is_billed)
    parts.append(spent if limits.dollars is None else f"{spent} of \\{format_dollars(limits.dollars)}")
    if is_running and not progress.waiting:
        parts.append(_pace(progress))
    return " · ".join(parts)


def _pace(progress: RunProgress) -> str:
    slowed = f" (your limit: {progress.per_minute:,})" if progress.pace < 0.95 * progress.per_minute else ""
    return f"{progress.in_flight} in progress · at most {progress.pace:,.0f} per minute{slowed}"
