"""Bar: what stands below the page: what a run will take and its start, or how far it is, with Pause and Stop."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib.errors import BadInput
from lib.experiment import plan_grid
from lib.experiment.plan_estimate import PlanEstimate
from lib.experiment.plan_problems import PlanProblem, find_problems
from lib.model.pricing import format_dollars
from lib.runner.experiment_run import ExperimentRun
from lib.runner.progress import RunProgress, RunState
from lib.ui.experiment import limits_section, live_text_area, prompts_section
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown

POLL_SECONDS = 0.5  # seconds


def draw_run_bar(desk: ExperimentTab, found: Sequence[PlanProblem]) -> None:
    """The bar. It looks at the boxes while they are typed in, and at the run while there is one.

    ``found``: the problems that the page shows. Where there are others now, the page is drawn anew.
    """
    batch = desk.run
    told = (tuple(found), prompts_section.used_variables(desk), _stands(batch))
    # In a container of its own: a run of a fragment that comes with a whole run could draw over what follows it. And
    # something of the page's is in it: for a moment it has nothing else, and the browser takes away what is empty.
    with st.container(key="experiment-bar"):
        st.empty()
        _draw(desk, told)


@st.fragment
def _draw(
    desk: ExperimentTab, told: tuple[tuple[PlanProblem, ...], tuple[str, ...], tuple[RunState, bool] | None]
) -> None:
    batch = desk.run
    now = find_problems(desk.plan, desk.model)
    if told != (now, prompts_section.used_variables(desk), _stands(batch)):
        desk.draft.clear_cached_runs()
        st.rerun()
    if batch is not None and batch.is_working:
        _under_way(desk, batch.progress())
        refresh_after("bar", POLL_SECONDS)
    else:
        _ready(desk, batch, now)
    live_text_area.watch_typing()  # last: it takes room until the browser has loaded it


def _stands(batch: ExperimentRun | None) -> tuple[RunState, bool] | None:
    """Where the run stands, and whether more may come of it: of a paused one, what is on its way."""
    return None if batch is None else (batch.state, batch.is_working)


def _ready(desk: ExperimentTab, batch: ExperimentRun | None, now: Sequence[PlanProblem]) -> None:
    if (refused := desk.pop_error()) is not None:
        draw_error(refused)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.markdown(f":small[{_line(desk, now)}]", width="stretch")
        if batch is not None and batch.state in (
            RunState.PAUSED,
            RunState.STOPPED,
            RunState.INTERRUPTED,
            RunState.BUDGET,
        ):
            st.button(
                "Go on",
                key="run-resume",
                icon=":material/resume:",
                on_click=desk.resume,
                disabled=desk.backend is None,
                help="Ask what was not asked yet, in the run that is shown",
            )
        st.button(
            "Start" if batch is None else "Run again",
            key="run-start",
            icon=":material/play_arrow:",
            type="primary",
            on_click=desk.start_run,
            disabled=bool(now) or desk.backend is None,
            help=" ".join(escape_markdown(one.message) for one in now[:3]) if now else None,
        )


def _line(desk: ExperimentTab, now: Sequence[PlanProblem]) -> str:
    plan = desk.plan
    parts = [
        _many(len(plan.prompts), "prompt"),
        _many(plan_grid.count_rows(plan), "input"),
        _many(plan_grid.count_variants(plan), "setting"),
        f"{plan.repetitions:,}",
    ]
    size = f"{' × '.join(parts)} = **{_many(plan_grid.count_cells(plan), 'request')}**"
    if desk.is_blank:
        return "Nothing to ask yet: write a prompt, or begin with a sample."
    if now:
        return f"{size} · :red[:material/error: {escape_markdown(now[0].message)}]"
    try:
        seen = desk.estimate
    except BadInput as error:
        return f"{size} · :red[:material/error: {escape_markdown(error.message)}]"
    dollars, time = limits_section.format_dollar_range(desk, seen), limits_section.format_time_range(seen)
    return f"{size}{_judged(seen)} · {dollars} · ≈ {time}"


def _judged(seen: PlanEstimate) -> str:
    return f" + {_many(seen.judge_requests, 'judgement')}" if seen.judge_requests else ""


def _many(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _under_way(desk: ExperimentTab, seen: RunProgress) -> None:
    done, running = seen.answered + seen.failed + seen.doubtful, seen.state is RunState.RUNNING
    st.progress(done / seen.cells if seen.cells else 0.0, text=_progress(desk, seen))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        said = f":material/hourglass: {escape_markdown(seen.waiting)}" if seen.waiting else _pace(seen)
        if not running:
            said = f":material/pause: Nothing more is sent; {seen.in_flight} still on their way"
        st.caption(said, width="stretch")
        st.button(
            "Pause",
            key="run-pause",
            icon=":material/pause:",
            on_click=desk.pause,
            disabled=not running,
            help="Sends nothing more; what is on its way is waited for and kept",
        )
        st.button(
            "Stop",
            key="run-stop",
            icon=":material/stop_circle:",
            on_click=desk.stop,
            shortcut="Escape",
            help="Ends at once: what is on its way is cut off, and may have been paid",
        )


def _progress(desk: ExperimentTab, seen: RunProgress) -> str:
    done = seen.answered + seen.failed + seen.doubtful
    parts = [f"{done:,} of {seen.cells:,}"]
    if seen.failed:
        parts.append(f"{seen.failed:,} failed")
    if seen.seconds_left is not None:
        parts.append(f"≈ {limits_section.format_duration(seen.seconds_left)} left")
    parts.append(_spent(desk, seen))
    return " · ".join(parts)


def _spent(desk: ExperimentTab, seen: RunProgress) -> str:
    batch = desk.run
    limits = desk.plan.limits if batch is None else batch.limits
    spent = f"\\{format_dollars(seen.dollars + seen.uncertain)}"
    return spent if limits.dollars is None else f"{spent} of \\{format_dollars(limits.dollars)}"


def _pace(seen: RunProgress) -> str:
    slowed = f" (asked for: {seen.per_minute:,})" if seen.pace < 0.95 * seen.per_minute else ""
    return f"{seen.in_flight} on their way · at most {seen.pace:,.0f} a minute{slowed}"
