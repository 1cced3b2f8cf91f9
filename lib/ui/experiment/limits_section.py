"""The section of the budget: the estimate of a run, its limits, and a single request to try."""

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
from lib.ui.answer.answer_stats import cost_text
from lib.ui.experiment import problem_notes, single_trial
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_error


def summary(tab: ExperimentTab) -> str:
    """Summarise the section in one line of Markdown."""
    limits = tab.plan.limits
    parts = []
    if limits.dollars is not None:
        parts.append(f"at most \\{format_dollars(limits.dollars)}")
    if limits.requests is not None:
        parts.append(f"at most {limits.requests:,} requests")
    parts.append(f"{limits.per_minute:,} a minute, {limits.concurrency} at a time")
    return ", ".join(parts)


def format_duration(seconds: float) -> str:
    """Format a time such as 48 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def format_dollar_range(tab: ExperimentTab, estimate: PlanEstimate) -> str:
    """Format the least and the highest cost as Markdown."""
    return cost_text(*estimate.dollars, billed=tab.is_billed)


def format_time_range(estimate: PlanEstimate) -> str:
    """Format the least and the longest time."""
    least, most = (format_duration(seconds) for seconds in estimate.seconds)
    return least if least == most else f"{least} – {most}"


def draw(tab: ExperimentTab, problems: Sequence[PlanProblem]) -> None:
    """Draw the section."""
    if not problems:
        _draw_estimate(tab)
    limits = tab.plan.limits
    left, right = st.columns(2)
    with left:
        budget = None if limits.dollars is None else float(limits.dollars)
        box = bind("limit-dollars", budget, lambda value: _set_dollars(tab, value))
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
        _draw_count(
            tab,
            "requests",
            "Budget in requests",
            limits.requests,
            0,
            None,
            "Every request counts: repeated ones, and those of judges too.",
        )
    left, middle, right = st.columns(3)
    with left:
        _draw_count(
            tab,
            "per_minute",
            "Requests a minute",
            limits.per_minute,
            1,
            MAX_REQUESTS_PER_MINUTE,
            "Cloudflare allows 300 a minute for text generation. It slows down where the service asks for it.",
        )
    with middle:
        _draw_count(
            tab,
            "concurrency",
            "At the same time",
            limits.concurrency,
            1,
            MAX_CONCURRENCY,
            "How many requests are on their way at once, at most.",
        )
    with right:
        _draw_count(
            tab,
            "attempts",
            "Attempts each",
            limits.attempts,
            1,
            MAX_ATTEMPTS,
            "A request that fails for a while (no capacity, a broken connection) is tried again, so often in all.",
        )
    problem_notes.draw_problems(problems, PlanPart.LIMITS)
    single_trial.draw_single_trial(tab, problems)


def _draw_estimate(tab: ExperimentTab) -> None:
    try:
        estimate = tab.estimate
    except BadInput as error:
        draw_error(error)
        return
    judge_requests = f" and {estimate.judge_requests:,} to the judge" if estimate.judge_requests else ""
    rows = [
        "| The whole run | |",
        "|---|--:|",
        f"| Requests | {estimate.requests:,}{judge_requests} |",
        f"| Tokens in | {estimate.tokens_in[0]:,} – {estimate.tokens_in[1]:,} |",
        f"| Tokens out | {estimate.tokens_out[0]:,} – {estimate.tokens_out[1]:,} |",
        f"| Cost | {format_dollar_range(tab, estimate)} |",
        f"| Time at this pace | ≈ {format_time_range(estimate)} |",
    ]
    st.markdown("\n".join(rows))
    note = "From: empty answers. To: each answer as long as it may be. Requests that are tried again come on top."
    if estimate.counted_inputs is not None:
        note += f" Tokens were counted for {estimate.counted_inputs:,} of the inputs, which stand for all."
    st.caption(note)


def _draw_count(
    tab: ExperimentTab, field: str, name: str, value: int | None, least: int, most: int | None, help: str
) -> None:
    box = bind(f"limit-{field}", value, lambda count: _set_count(tab, field, count))
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


def _set_count(tab: ExperimentTab, field: str, value: int | None) -> None:
    if value is not None or field == "requests":  # only requests may be unlimited
        _change_limits(tab, **{field: value})


def _set_dollars(tab: ExperimentTab, value: float | None) -> None:
    _change_limits(tab, dollars=None if value is None else Decimal(repr(value)))


def _change_limits(tab: ExperimentTab, **changes: Any) -> None:
    limits = replace(tab.plan.limits, **changes)
    tab.change_plan(limits=limits)
    if (run := tab.run) is not None:
        # A running run uses the new limits from now on.
        run.set_limits(limits)
