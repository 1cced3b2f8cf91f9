"""Before the run: what it will take, what it may take, and one of its requests to look at and to try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import streamlit as st

from lib.experiment.problem import (
    MOST_ATTEMPTS,
    MOST_CONCURRENCY,
    MOST_PER_MINUTE,
    Problem,
    Where,
)
from lib.ui.experiment import problems, trial
from lib.ui.experiment.desk import Desk
from lib.ui.figures import show_dollars


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


def draw(desk: Desk, found: Sequence[Problem]) -> None:
    """The section."""
    limits = desk.plan.limits
    left, right = st.columns(2)
    with left:
        key = _follow("limit-dollars", None if limits.dollars is None else float(limits.dollars))
        st.number_input(
            "Budget in dollars", min_value=0.0, step=0.01, format="%g", key=key, placeholder="none", on_change=_dollars,
            args=(desk,), help="The run ends before a request that could pass it, whatever that request may cost at most.",
        )  # fmt: skip
    with right:
        _whole(
            desk, "requests", "Budget in requests", limits.requests, 0, None,
            "Every request counts: repeated ones, and those of judges too.",
        )  # fmt: skip
    left, middle, right = st.columns(3)
    with left:
        _whole(
            desk, "per_minute", "Requests a minute", limits.per_minute, 1, MOST_PER_MINUTE,
            "Cloudflare allows 300 a minute for text generation. It slows down by itself where the service asks for it.",
        )  # fmt: skip
    with middle:
        _whole(
            desk, "concurrency", "At the same time", limits.concurrency, 1, MOST_CONCURRENCY,
            "How many requests are on their way at once, at most.",
        )  # fmt: skip
    with right:
        _whole(
            desk, "attempts", "Attempts each", limits.attempts, 1, MOST_ATTEMPTS,
            "A request that fails for a while (no capacity, a broken connection) is tried again, so often in all.",
        )  # fmt: skip
    problems.draw(found, Where.LIMITS)
    trial.draw(desk, found)


def _follow(key: str, value: Any) -> str:
    """Only what differs is set: a hand may be on the control."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


def _whole(
    desk: Desk, field: str, name: str, value: int | None, least: int, most: int | None, help: str
) -> None:
    key = _follow(f"limit-{field}", value)
    st.number_input(
        name, min_value=least, max_value=most, step=1, key=key, placeholder="none", help=help, on_change=_counted,
        args=(desk, field, key),
    )  # fmt: skip


def _counted(desk: Desk, field: str, key: str) -> None:
    value = st.session_state[key]
    if value is not None or field == "requests":  # the others are never without a number
        _put(desk, **{field: value})


def _dollars(desk: Desk) -> None:
    value = st.session_state["limit-dollars"]
    _put(desk, dollars=None if value is None else Decimal(repr(value)))


def _put(desk: Desk, **changes: Any) -> None:
    limits = replace(desk.plan.limits, **changes)
    desk.change(limits=limits)
    if (batch := desk.batch) is not None:
        batch.set_limits(limits)  # a run under way goes by them from now on
