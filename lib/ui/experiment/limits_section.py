"""Before the run: what it will take, what it may take, and one of its requests to look at and to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import streamlit as st

from lib.errors import BadInput
from lib.experiment.plan_estimate import PlanEstimate
from lib.experiment.plan_problems import (
    MAX_ATTEMPTS,
    MAX_CONCURRENCY,
    MAX_REQUESTS_PER_MINUTE,
    PlanPart,
    PlanProblem,
)
from lib.model.pricing import format_dollars
from lib.ui.experiment import problem_notes, single_trial
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_error


def summary(desk: ExperimentTab) -> str:
    """The section in one line."""
    limits = desk.plan.limits
    parts = []
    if limits.dollars is not None:
        parts.append(f"at most \\{format_dollars(limits.dollars)}")
    if limits.requests is not None:
        parts.append(f"at most {limits.requests:,} requests")
    parts.append(f"{limits.per_minute:,} a minute, {limits.concurrency} at a time")
    return ", ".join(parts)


def format_duration(seconds: float) -> str:
    """A time as a person says it: 48 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def format_dollar_range(desk: ExperimentTab, seen: PlanEstimate) -> str:
    """From–to, as Markdown."""
    least, most = (f"\\{format_dollars(amount)}" for amount in seen.dollars)
    free = "would cost " if desk.backend is not None and not desk.backend.billed else ""
    return f"{free}{least} – {most}"


def format_time_range(seen: PlanEstimate) -> str:
    """From–to, in few words."""
    least, most = (format_duration(seconds) for seconds in seen.seconds)
    return least if least == most else f"{least} – {most}"


def draw_limits_section(desk: ExperimentTab, found: Sequence[PlanProblem]) -> None:
    """The section."""
    if not found:
        _estimate(desk)
    limits = desk.plan.limits
    left, right = st.columns(2)
    with left:
        budget = None if limits.dollars is None else float(limits.dollars)
        box = bind("limit-dollars", budget, lambda value: _dollars(desk, value))
        st.number_input(
            "Budget in dollars",
            value=box.value,
            min_value=0.0,
            step=0.01,
            format="%g",
            key=box.key,
            placeholder="none",
            on_change=box.on_change,
            help="The run ends before a request that could pass it, whatever that request may cost at most.",
        )
    with right:
        _whole(
            desk,
            "requests",
            "Budget in requests",
            limits.requests,
            0,
            None,
            "Every request counts: repeated ones, and those of judges too.",
        )
    left, middle, right = st.columns(3)
    with left:
        _whole(
            desk,
            "per_minute",
            "Requests a minute",
            limits.per_minute,
            1,
            MAX_REQUESTS_PER_MINUTE,
            "Cloudflare allows 300 a minute for text generation. It slows down where the service asks for it.",
        )
    with middle:
        _whole(
            desk,
            "concurrency",
            "At the same time",
            limits.concurrency,
            1,
            MAX_CONCURRENCY,
            "How many requests are on their way at once, at most.",
        )
    with right:
        _whole(
            desk,
            "attempts",
            "Attempts each",
            limits.attempts,
            1,
            MAX_ATTEMPTS,
            "A request that fails for a while (no capacity, a broken connection) is tried again, so often in all.",
        )
    problem_notes.draw_problems(found, PlanPart.LIMITS)
    single_trial.draw_single_trial(desk, found)


def _estimate(desk: ExperimentTab) -> None:
    try:
        seen = desk.estimate
    except BadInput as error:
        draw_error(error)
        return
    judged = f" and {seen.judge_requests:,} to the judge" if seen.judge_requests else ""
    rows = [
        "| The whole run | |",
        "|---|--:|",
        f"| Requests | {seen.requests:,}{judged} |",
        f"| Tokens in | {seen.tokens_in[0]:,} – {seen.tokens_in[1]:,} |",
        f"| Tokens out | {seen.tokens_out[0]:,} – {seen.tokens_out[1]:,} |",
        f"| Cost | {format_dollar_range(desk, seen)} |",
        f"| Time at this pace | ≈ {format_time_range(seen)} |",
    ]
    st.markdown("\n".join(rows))
    told = "From: empty answers. To: each answer as long as it may be. Requests that are tried again come on top."
    if seen.counted_inputs is not None:
        told += f" Tokens were counted for {seen.counted_inputs:,} of the inputs, which stand for all."
    st.caption(told)


def _whole(
    desk: ExperimentTab, field: str, name: str, value: int | None, least: int, most: int | None, help: str
) -> None:
    box = bind(f"limit-{field}", value, lambda count: _counted(desk, field, count))
    st.number_input(
        name,
        value=box.value,
        min_value=least,
        max_value=most,
        step=1,
        key=box.key,
        placeholder="none",
        help=help,
        on_change=box.on_change,
    )


def _counted(desk: ExperimentTab, field: str, value: int | None) -> None:
    if value is not None or field == "requests":  # the others are never without a number
        _put(desk, **{field: value})


def _dollars(desk: ExperimentTab, value: float | None) -> None:
    _put(desk, dollars=None if value is None else Decimal(repr(value)))


def _put(desk: ExperimentTab, **changes: Any) -> None:
    limits = replace(desk.plan.limits, **changes)
    desk.change_plan(limits=limits)
    if (batch := desk.run) is not None:
        batch.set_limits(limits)  # a run under way goes by them from now on
