"""The section of the budget: the estimate of a run, its limits, and a single request to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

import streamlit as st

from lib.errors import BadInput
from lib.experiment import plan_problems
from lib.experiment.plan_estimate import PlanEstimate
from lib.model.pricing import format_dollars
from lib.ui.answer.answer_stats import cost_text
from lib.ui.experiment import problem_notes, single_trial
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.widgets.bound import bind
from lib.ui.widgets.error_box import draw_error

# The limits of the pace: field, label, largest value and help.
_PACE_LIMITS = (
    (
        "per_minute",
        "Requests per minute",
        plan_problems.MAX_REQUESTS_PER_MINUTE,
        "Cloudflare allows 300 per minute. Paddock slows down when the service asks for it.",
    ),
    (
        "concurrency",
        "At the same time",
        plan_problems.MAX_CONCURRENCY,
        "The largest number of requests in progress at once.",
    ),
    (
        "attempts",
        "Attempts each",
        plan_problems.MAX_ATTEMPTS,
        "How often a request is tried in total, if it fails for a passing reason such as a broken connection.",
    ),
)


def summary(tab: ExperimentTab) -> str:
    """Summarise the section in one line of Markdown."""
    limits = tab.plan.limits
    parts = []
    if limits.dollars is not None:
        parts.append(f"at most \\{format_dollars(limits.dollars)}")
    if limits.requests is not None:
        parts.append(f"at most {limits.requests:,} requests")
    parts.append(f"{limits.per_minute:,} per minute, {limits.concurrency} at a time")
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


def draw(tab: ExperimentTab, problems: Sequence[plan_problems.PlanProblem]) -> None:
    if not problems:
        _draw_estimate(tab)
    limits = tab.plan.limits
    left, right = st.columns(2)
    dollars = bind(
        "limit-dollars",
        None if limits.dollars is None else float(limits.dollars),
        lambda value: _set_limit(tab, "dollars", None if value is None else Decimal(repr(value))),
    )
    left.number_input(
        "Budget in dollars",
        min_value=0.0,
        step=0.01,
        format="%g",
        placeholder="none",
        help="The run ends before a request could exceed the budget. It counts each request at the listed price "
        "or in neurons, by which Cloudflare bills, whichever costs more.",
        **dollars.arguments(),
    )
    requests = bind("limit-requests", limits.requests, partial(_set_limit, tab, "requests"))
    right.number_input(
        "Budget in requests",
        min_value=0,
        step=1,
        placeholder="none",
        help="All requests count, also repeated ones and those that judge answers.",
        **requests.arguments(),
    )
    for place, (field, label, most, help) in zip(
        st.columns(3, vertical_alignment="bottom"), _PACE_LIMITS, strict=True
    ):
        box = bind(f"limit-{field}", getattr(limits, field), partial(_set_limit, tab, field))
        place.number_input(
            label, min_value=1, max_value=most, step=1, placeholder="none", help=help, **box.arguments()
        )
    problem_notes.draw_problems(problems, plan_problems.PlanPart.LIMITS)
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
        f"| Tokens to read | {estimate.tokens_in[0]:,} – {estimate.tokens_in[1]:,} |",
        f"| Tokens to write | {estimate.tokens_out[0]:,} – {estimate.tokens_out[1]:,} |",
        f"| Cost | {format_dollar_range(tab, estimate)} |",
        f"| Time at this pace | ≈ {format_time_range(estimate)} |",
    ]
    st.markdown("\n".join(rows))
    note = "From empty answers to answers as long as your limit allows. Repeated attempts are extra."
    if estimate.counted_inputs is not None:
        note += f" Tokens were counted for {estimate.counted_inputs:,} of the inputs and estimated for the others."
    st.caption(note)


def _set_limit(tab: ExperimentTab, field: str, value: Decimal | int | None) -> None:
    limits = replace(tab.plan.limits, **{field: value})  # type: ignore[arg-type]
    tab.change_plan(limits=limits)
    if (run := tab.run) is not None:
        # A running run uses the new limits from now on.
        with tab.errors():
            run.set_limits(limits)
