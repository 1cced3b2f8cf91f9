"""Bar: what stands below the page: what a run will take and its start, or how far it is, with Pause and Stop."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from lib.errors import BadInput
from lib.experiment import plan_grid
from lib.experiment.plan_estimate import Estimate
from lib.experiment.plan_problems import Problem, problems
from lib.model.pricing import show_dollars
from lib.runner.experiment_run import Batch
from lib.runner.progress import Progress, State
from lib.ui.experiment import limits_section, live_text_area, prompts_section
from lib.ui.experiment.experiment_tab import Desk
from lib.ui.widgets.auto_refresh import pulse
from lib.ui.widgets.error_box import trouble
from lib.ui.widgets.safe_markdown import label

POLL = 0.5  # seconds


def draw(desk: Desk, found: Sequence[Problem]) -> None:
    """The bar. It looks at the boxes while they are typed in, and at the run while there is one.

    ``found``: the problems that the page shows. Where there are others now, the page is drawn anew.
    """
    batch = desk.batch
    told = (tuple(found), prompts_section.found(desk), _stands(batch))
    # In a container of its own: a run of a fragment that comes with a whole run could draw over what follows it. And
    # something of the page's is in it: for a moment it has nothing else, and the browser takes away what is empty.
    with st.container(key="experiment-bar"):
        st.empty()
        _draw(desk, told)


@st.fragment
def _draw(desk: Desk, told: tuple[tuple[Problem, ...], tuple[str, ...], tuple[State, bool] | None]) -> None:
    batch = desk.batch
    now = problems(desk.plan, desk.model)
    if told != (now, prompts_section.found(desk), _stands(batch)):
        desk.draft.forget_runs()
        st.rerun()
    if batch is not None and batch.at_work:
        _under_way(desk, batch.progress())
        pulse("bar", POLL)
    else:
        _ready(desk, batch, now)
    live_text_area.watch()  # last: it takes room until the browser has loaded it


def _stands(batch: Batch | None) -> tuple[State, bool] | None:
    """Where the run stands, and whether more may come of it: of a paused one, what is on its way."""
    return None if batch is None else (batch.state, batch.at_work)


def _ready(desk: Desk, batch: Batch | None, now: Sequence[Problem]) -> None:
    if (refused := desk.refusal()) is not None:
        trouble(refused)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.markdown(f":small[{_line(desk, now)}]", width="stretch")
        if batch is not None and batch.state in (
            State.PAUSED,
            State.STOPPED,
            State.INTERRUPTED,
            State.BUDGET,
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
            on_click=desk.start,
            disabled=bool(now) or desk.backend is None,
            help=" ".join(label(one.message) for one in now[:3]) if now else None,
        )


def _line(desk: Desk, now: Sequence[Problem]) -> str:
    plan = desk.plan
    parts = [
        _many(len(plan.prompts), "prompt"),
        _many(plan_grid.rows(plan), "input"),
        _many(plan_grid.ways(plan), "setting"),
        f"{plan.repetitions:,}",
    ]
    size = f"{' × '.join(parts)} = **{_many(plan_grid.count(plan), 'request')}**"
    if desk.blank:
        return "Nothing to ask yet: write a prompt, or begin with a sample."
    if now:
        return f"{size} · :red[:material/error: {label(now[0].message)}]"
    try:
        seen = desk.estimate
    except BadInput as error:
        return f"{size} · :red[:material/error: {label(error.message)}]"
    return f"{size}{_judged(seen)} · {limits_section.dollars(desk, seen)} · ≈ {limits_section.time(seen)}"


def _judged(seen: Estimate) -> str:
    return f" + {_many(seen.judged, 'judgement')}" if seen.judged else ""


def _many(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def _under_way(desk: Desk, seen: Progress) -> None:
    done, running = seen.answered + seen.failed + seen.doubtful, seen.state is State.RUNNING
    st.progress(done / seen.cells if seen.cells else 0.0, text=_progress(desk, seen))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        said = f":material/hourglass: {label(seen.waiting)}" if seen.waiting else _pace(seen)
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


def _progress(desk: Desk, seen: Progress) -> str:
    done = seen.answered + seen.failed + seen.doubtful
    parts = [f"{done:,} of {seen.cells:,}"]
    if seen.failed:
        parts.append(f"{seen.failed:,} failed")
    if seen.seconds_left is not None:
        parts.append(f"≈ {limits_section.duration(seen.seconds_left)} left")
    parts.append(_spent(desk, seen))
    return " · ".join(parts)


def _spent(desk: Desk, seen: Progress) -> str:
    batch = desk.batch
    limits = desk.plan.limits if batch is None else batch.limits
    spent = f"\\{show_dollars(seen.dollars + seen.uncertain)}"
    return spent if limits.dollars is None else f"{spent} of \\{show_dollars(limits.dollars)}"


def _pace(seen: Progress) -> str:
    slowed = f" (asked for: {seen.per_minute:,})" if seen.pace < 0.95 * seen.per_minute else ""
    return f"{seen.in_flight} on their way · at most {seen.pace:,.0f} a minute{slowed}"
