"""The cost calculator: the listed price, the cost of many answers, and the answers that a budget buys."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import streamlit as st

from lib.model.cost_projection import DAYS_PER_MONTH, CostProjection, answers_within_budget, project_cost
from lib.model.model_record import Model, Price
from lib.model.pricing import cost_in_dollars, cost_in_neurons, format_dollars, format_exact
from lib.model.usage import Usage

DAY, A_MONTH = "a day", "a month"
_DAYS = {DAY: 1, A_MONTH: DAYS_PER_MONTH}
_USUAL_ANSWER = 256  # tokens
_MAX_ANSWERS, _MAX_DOLLARS = 1_000_000_000, 1_000_000.0


def draw_cost_calculator(model: Model) -> None:
    price = model.price
    rows = [
        "| | US dollars | Neurons |",
        "|---|--:|--:|",
        f"| A million tokens to read | \\${price.input_per_million} | {price.neurons_per_million_input:,} |",
        f"| A million tokens to write | \\${price.output_per_million} | {price.neurons_per_million_output:,} |",
        f"| 1,000 neurons | \\${price.per_thousand_neurons} | 1,000 |",
        f"| Free each day | | {price.free_neurons_a_day:,} |",
    ]
    st.markdown("\n".join(rows))
    st.caption(
        "Cloudflare bills in neurons. The first "
        f"{price.free_neurons_a_day:,} of each day (from 00:00 UTC) are free on every plan. After that, the free "
        "plan refuses requests (code 4006) and Workers Paid charges for them. The practice model costs nothing."
    )
    st.subheader("What will it cost?")
    usage = _draw_size(model)
    if usage is None:
        return
    answers, period = _draw_amount(
        "Answers", "cost-answers", min_value=1, max_value=_MAX_ANSWERS, value=1000, step=1
    )
    _draw_projection(project_cost(usage, int(answers), _DAYS[period], price), usage, period, price)
    st.subheader("What does a budget buy?")
    _draw_budget(usage, price)


def _draw_size(model: Model) -> Usage | None:
    """Draw the size of one request; return its usage, None if it does not fit the context window."""
    window = model.context_window
    left, right = st.columns(2)
    tokens_in = left.number_input(
        "Tokens to read, per message",
        min_value=1,
        max_value=window,
        value=500,
        step=1,
        key="cost-in",
        persist_state="session",
        help="The model reads the system prompt and the whole conversation each time.",
    )
    tokens_out = right.number_input(
        "Tokens to write, per answer",
        min_value=0,
        max_value=window,
        value=_USUAL_ANSWER if model.output_limit is None else int(model.output_limit.start_number),
        step=1,
        key="cost-out",
        persist_state="session",
        help="In English a token is about three quarters of a word.",
    )
    if tokens_in + tokens_out > window:
        st.warning(
            f"Together these are {tokens_in + tokens_out:,} tokens, more than the {window:,} that the model has room "
            "for (code 5021). Lower one of them."
        )
        return None
    return Usage(int(tokens_in), int(tokens_out))


def _draw_amount(label: str, key: str, **options: Any) -> tuple[float, str]:
    """Draw a number and its period; return both. ``options`` are those of ``st.number_input``."""
    left, right = st.columns(2, vertical_alignment="bottom")
    amount = left.number_input(label, key=key, persist_state="session", **options)
    period = right.segmented_control(
        "Per",
        tuple(_DAYS),
        key=f"{key}-per",
        required=True,
        default=DAY,
        persist_state="session",
        label_visibility="collapsed",
    )
    return amount, str(period)


def _draw_projection(projection: CostProjection, usage: Usage, period: str, price: Price) -> None:
    with st.container(key="cost-result", gap="small"):
        with st.container(horizontal=True, gap="medium"):
            st.metric("To pay on Workers Paid", format_dollars(projection.to_pay), width="content")
            st.metric("Without free neurons", format_dollars(projection.dollars), width="content")
            st.metric(
                "Neurons", f"{projection.neurons.quantize(Decimal(1), ROUND_HALF_UP):,}", width="content"
            )
        start = "All free" if projection.to_pay == 0 else "Not all free"
        coverage = f"{start}: the free neurons cover {projection.free_answers:,} answers {period}."
        allocation = price.free_neurons_a_day * projection.days
        st.progress(float(projection.free / allocation), text=coverage)
        rows = [
            f"| | One answer | {projection.answers:,} {period} |",
            "|---|--:|--:|",
            f"| Tokens | {usage.total_tokens:,} | {usage.total_tokens * projection.answers:,} |",
            f"| Neurons | {format_exact(cost_in_neurons(usage, price))} "
            f"| {format_exact(projection.neurons)} |",
            f"| Free neurons used | | {format_exact(projection.free)} |",
            f"| At the list price | \\${format_exact(cost_in_dollars(usage, price))} "
            f"| \\${format_exact(projection.dollars)} |",
            f"| To pay, after the free neurons | | \\${format_exact(projection.to_pay)} |",
        ]
        st.markdown("\n".join(rows))
        st.caption(
            f"Exact amounts. A month has {DAYS_PER_MONTH} days with equally many answers. Cloudflare rounds the list "
            "price of a token, so it differs a little from the price of its neurons."
        )


def _draw_budget(usage: Usage, price: Price) -> None:
    typed, period = _draw_amount(
        "US dollars", "cost-budget", min_value=0.0, max_value=_MAX_DOLLARS, value=5.0, step=1.0, format="%.2f"
    )
    budget = Decimal(f"{typed:.2f}")  # as the box shows it
    answers = answers_within_budget(usage, budget, _DAYS[period], price)
    with st.container(key="cost-affordable"):
        st.markdown(
            f"\\${budget:,} {period} buys **{answers.with_allocation:,} answers** {period} on Workers Paid, "
            f"including the free neurons; without them, {answers.listed:,}."
        )
