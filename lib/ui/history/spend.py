"""The spend on saved answers: a conversation's cost in words, and the costs by day, model and backend."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import streamlit as st

from lib.api.backend import backend_label
from lib.model.model_record import models
from lib.model.pricing import cost_in_dollars
from lib.store.stored_values import DailyUsage, UsageSource
from lib.ui.answer.answer_stats import cost_text

_SOURCES = {UsageSource.CONVERSATIONS: "Chat, Compare", UsageSource.EXPERIMENTS: "Experiment"}


def spend_text(usages: Sequence[DailyUsage]) -> str:
    """Return what the answers cost, and what those of the twin would have cost, as Markdown.

    "—" stands for a sum in which a model's price is not known.
    """
    parts = []
    for billed in (True, False):
        costs = [_cost(usage) for usage in usages if usage.billed is billed]
        known_costs = [cost for cost in costs if cost is not None]
        if len(known_costs) < len(costs):
            parts.append("—")
        elif costs:
            parts.append(cost_text(sum(known_costs, Decimal(0)), billed=billed))
    return " + ".join(parts)


def _cost(usage: DailyUsage) -> Decimal | None:
    """Return the cost in dollars, None if the model's price is not known."""
    if usage.recorded_cost is not None:
        return usage.recorded_cost
    model = models().get(usage.model)
    return None if model is None else cost_in_dollars(usage.usage, model.price)


def draw_spend(usages: Sequence[DailyUsage]) -> None:
    """Draw the spend by day as a chart, and by day, model and backend as a table."""
    if not usages:
        st.caption("Nothing has been used yet.")
        return
    _draw_chart(usages)
    lines = [
        "| Day | For | Model | Where | Requests | Tokens read | Tokens written | Cost |",
        "|---|---|---|---|--:|--:|--:|--:|",
    ]
    lines += [_table_row(usage) for usage in sorted(usages, key=lambda usage: usage.day)]
    st.markdown("\n".join(lines))
    st.caption(
        "In brackets: what the answers of the practice model would have cost on Cloudflare. Days are in UTC, and a "
        "run of an experiment counts on the day of its start."
    )


def _draw_chart(usages: Sequence[DailyUsage]) -> None:
    days = sorted({usage.day for usage in usages})
    backends = sorted({usage.backend for usage in usages})
    costs: defaultdict[tuple[str, datetime.date], Decimal] = defaultdict(Decimal)
    for usage in usages:
        costs[usage.backend, usage.day] += _cost(usage) or Decimal(0)
    st.echarts_chart(
        {
            "tooltip": {"trigger": "axis"},
            "legend": {"bottom": 0},
            "grid": {"left": 70, "right": 10, "top": 20, "bottom": 60},
            "xAxis": {"type": "category", "data": [day.isoformat() for day in days]},
            "yAxis": {"type": "value", "name": "$"},
            "series": [
                {
                    "name": backend_label(backend),
                    "type": "bar",
                    "stack": "dollars",
                    "data": [float(costs[backend, day]) for day in days],
                }
                for backend in backends
            ],
        },
        height=280,
        alt="Dollars by day and backend; the table below has the same figures",
    )


def _table_row(usage: DailyUsage) -> str:
    about = "≈ " if usage.usage.estimated else ""
    cost = _cost(usage)
    shown = "—" if cost is None else f"\\${cost:f}" if usage.billed else f"(\\${cost:f})"
    return (
        f"| {usage.day} | {_SOURCES[usage.source]} | `{usage.model}` | {backend_label(usage.backend)} "
        f"| {usage.request_count:,} | {about}{usage.usage.prompt_tokens:,} "
        f"| {about}{usage.usage.completion_tokens:,} | {shown} |"
    )
