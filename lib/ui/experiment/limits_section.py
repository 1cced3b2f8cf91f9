"""Before the run: what it will take, what it may take, and one of its requests to look at and to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import streamlit as st

from lib.errors import BadInput
from lib.experiment.plan_estimate import Estimate
from lib.experiment.plan_problems import MOST_ATTEMPTS, MOST_CONCURRENCY, MOST_PER_MINUTE, Problem, Where
from lib.model.pricing import show_dollars
from lib.ui.experiment import problem_notes, single_trial
from lib.ui.experiment.experiment_tab import Desk
from lib.ui.experiment.held import held
from lib.ui.widgets.error_box import trouble


def summary(desk: Desk) -> str:
    """The section in one line."""
    limits = desk.plan.limits
    parts = []
    if limits.dollars is not None:
        parts.append(f"at most \\{show_dollars(limits.dollars)}")
    if limits.requests is not None:
        parts.append(f"at most {limits.requests:,} requests")
    parts.append(f"{limits.per_minute:,} a minute, {limits.concurrency} at a time")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """A time as a person says it: 48 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def dollars(desk: Desk, seen: Estimate) -> str:
    """From–to, as Markdown."""
    least, most = (f"\\{show_dollars(amount)}" for amount in seen.dollars)
    free = "would cost " if desk.backend is not None and not desk.backend.billed else ""
    return f"{free}{least} – {most}"


def time(seen: Estimate) -> str:
    """From–to, in few words."""
    least, most = (duration(seconds) for seconds in seen.seconds)
    return least if least == most else f"{least} – {most}"


def draw(desk: Desk, found: Sequence[Problem]) -> None:
    """The section."""
    if not found:
        _estimate(desk)
    limits = desk.plan.limits
    left, right = st.columns(2)
    with left:
        budget = None if limits.dollars is None else float(limits.dollars)
        key = held("limit-dollars", budget)
        st.number_input(
            "Budget in dollars",
            value=budget,
            min_value=0.0,
            step=0.01,
            format="%g",
            key=key,
            placeholder="none",
            on_change=_dollars,
            args=(desk, key),
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
            MOST_PER_MINUTE,
            "Cloudflare allows 300 a minute for text generation. It slows down where the service asks for it.",
        )
    with middle:
        _whole(
            desk,
            "concurrency",
            "At the same time",
            limits.concurrency,
            1,
            MOST_CONCURRENCY,
            "How many requests are on their way at once, at most.",
        )
    with right:
        _whole(
            desk,
            "attempts",
            "Attempts each",
            limits.attempts,
            1,
            MOST_ATTEMPTS,
            "A request that fails for a while (no capacity, a broken connection) is tried again, so often in all.",
        )
    problem_notes.draw(found, Where.LIMITS)
    single_trial.draw(desk, found)


def _estimate(desk: Desk) -> None:
    try:
        seen = desk.estimate
    except BadInput as error:
        trouble(error)
        return
    judged = f" and {seen.judged:,} to the judge" if seen.judged else ""
    rows = [
        "| The whole run | |",
        "|---|--:|",
        f"| Requests | {seen.requests:,}{judged} |",
        f"| Tokens in | {seen.tokens_in[0]:,} – {seen.tokens_in[1]:,} |",
        f"| Tokens out | {seen.tokens_out[0]:,} – {seen.tokens_out[1]:,} |",
        f"| Cost | {dollars(desk, seen)} |",
        f"| Time at this pace | ≈ {time(seen)} |",
    ]
    st.markdown("\n".join(rows))
    told = "From: empty answers. To: each answer as long as it may be. Requests that are tried again come on top."
    if seen.counted is not None:
        told += f" Tokens were counted for {seen.counted:,} of the inputs, which stand for all."
    st.caption(told)


def _whole(
    desk: Desk, field: str, name: str, value: int | None, least: int, most: int | None, help: str
) -> None:
    key = held(f"limit-{field}", value)
    st.number_input(
        name,
        value=value,
        min_value=least,
        max_value=most,
        step=1,
        key=key,
        placeholder="none",
        help=help,
        on_change=_counted,
        args=(desk, field, key),
    )


def _counted(desk: Desk, field: str, key: str) -> None:
    value = st.session_state[key]
    if value is not None or field == "requests":  # the others are never without a number
        _put(desk, **{field: value})


def _dollars(desk: Desk, key: str) -> None:
    value = st.session_state[key]
    _put(desk, dollars=None if value is None else Decimal(repr(value)))


def _put(desk: Desk, **changes: Any) -> None:
    limits = replace(desk.plan.limits, **changes)
    desk.change(limits=limits)
    if (batch := desk.batch) is not None:
        batch.set_limits(limits)  # a run under way goes by them from now on
