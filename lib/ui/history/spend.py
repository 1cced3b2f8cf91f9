"""The spend on saved answers: a conversation's cost in words, and the costs by day, model and backend."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

import streamlit as st

from lib.api.backend import backend_label
from lib.model.pricing import cost_in_dollars, format_exact
from lib.store.stored_values import DailyUsage, UsageSource
from lib.ui.answer.answer_stats import cost_text
from lib.ui.shell.account_catalogue import find_model
from lib.ui.widgets.safe_markdown import escape_markdown

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
    if usage.usage.from_gateway_cache:
        return Decimal(0)
    model = find_model(usage.model)
    return None if model is None else cost_in_dollars(usage.usage, model.price)


def draw_spend(usages: Sequence[DailyUsage]) -> None:
    """Draw the spend by day as a chart, and for each backend as a table by day."""
    if not usages:
        st.caption("Nothing has been used yet.")
        return
    _draw_chart(usages)
    has_models = len({usage.model for usage in usages}) > 1
    head = ["Day", "For", *(["Model"] if has_models else []), "Requests", "Tokens read", "Tokens written"]
    rule = ["---"] * (len(head) - 3) + ["--:"] * 4
    for backend in sorted({usage.backend for usage in usages}):
        of_backend = [usage for usage in usages if usage.backend == backend]
        is_billed = any(usage.billed for usage in of_backend)
        rows = [[*head, "Cost" if is_billed else "Would have cost"], rule]
        rows += [
            _table_row(usage, has_models=has_models)
            for usage in sorted(of_backend, key=lambda usage: usage.day)
        ]
        st.markdown(f"**{escape_markdown(backend_label(backend))}**")
        # A row that does not wrap scrolls by itself if it is wider than the screen.
        with st.container(horizontal=True, wrap=False):
            st.markdown("\n".join(f"| {' | '.join(row)} |" for row in rows))
    free = "The practice model is free: its table shows what the answers would have cost on Cloudflare. "
    st.caption(
        ("" if all(usage.billed for usage in usages) else free)
        + "Days are in UTC, and a run of an experiment counts on the day of its start."
    )


def _draw_chart(usages: Sequence[DailyUsage]) -> None:
    days = sorted({usage.day for usage in usages})
    backends = sorted({usage.backend for usage in usages})
    costs: defaultdict[tuple[str, datetime.date], Decimal] = defaultdict(Decimal)
    for usage in usages:
        costs[usage.backend, usage.day] += _cost(usage) or Decimal(0)
    st.echarts_chart(
        {
            # A bar that grows shows wrong amounts meanwhile.
            "animation": False,
            "tooltip": {"trigger": "axis"},
            "legend": {"bottom": 0},
            "grid": {"left": 70, "right": 10, "top": 24, "bottom": 50},
            "xAxis": {"type": "category", "data": [day.isoformat() for day in days]},
            "yAxis": {"type": "value", "name": "$"},
            "series": [
                {
                    "name": backend_label(backend),
                    "type": "bar",
                    "stack": "dollars",
                    "barMaxWidth": 60,
                    "data": [float(costs[backend, day]) for day in days],
                }
                for backend in backends
            ],
        },
        height=280,
        alt="Dollars by day and backend; the table below has the same figures",
    )


def _table_row(usage: DailyUsage, *, has_models: bool) -> list[str]:
    about = "≈ " if usage.usage.estimated else ""
    cost = _cost(usage)
    return [
        # With hyphens at which no line breaks.
        usage.day.isoformat().replace("-", "\N{NON-BREAKING HYPHEN}"),
        _SOURCES[usage.source] + (" (AI Gateway's cache)" if usage.usage.from_gateway_cache else ""),
        *([f"`{usage.model}`"] if has_models else []),
        f"{usage.request_count:,}",
        f"{about}{usage.usage.prompt_tokens:,}",
        f"{about}{usage.usage.completion_tokens:,}",
        "—" if cost is None else f"\\${format_exact(cost)}",
    ]
