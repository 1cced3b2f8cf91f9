"""Tokens, cost, speed and ending of an answer, and the totals of a conversation."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import streamlit as st

from lib.api.backend import backend_label
from lib.chat.answer import Answer, total_usage
from lib.chat.conversation import Conversation
from lib.model.model_record import Model, Price
from lib.model.pricing import (
    cost_in_dollars,
    cost_in_neurons,
    cost_of_neurons,
    format_dollars,
    format_exact,
)
from lib.model.usage import Usage


def tokens_text(usage: Usage) -> str:
    """Return the tokens that were read and written; “≈” marks an estimate."""
    about = "≈ " if usage.estimated else ""
    return f"read {about}{usage.prompt_tokens:,} · wrote {about}{usage.completion_tokens:,} tokens"


def cost_text(*dollars: Decimal, billed: bool) -> str:
    """Return a cost, or its lowest and highest value, as Markdown; for the twin, what it would cost."""
    # The backslash keeps two amounts in one line from being set as a formula.
    amounts = " – ".join(f"\\{format_dollars(amount)}" for amount in dollars)
    return amounts if billed else f"would cost {amounts}"


def estimate_text(least: Decimal, most: Decimal, *, billed: bool, unit: str = "answers") -> str:
    """Return the lowest and highest cost of a message as Markdown; tiny amounts are those of 1,000 such units."""
    if not most or most >= Decimal("0.01"):
        return cost_text(least, most, billed=billed)
    return f"{cost_text(least * 1000, most * 1000, billed=billed)} for 1,000 {unit}"


def exact_cost(model: Model, answers: Iterable[Answer]) -> str | None:
    """Return the exact cost as Markdown for a tooltip, None if no tokens were counted."""
    usage = total_usage(answers)
    return None if usage is None else f"Exactly {exact_cost_text(usage, model.price)}"


def exact_cost_text(usage: Usage, price: Price) -> str:
    """Return the exact cost as Markdown: at the listed price, and in neurons if that is another amount."""
    listed, billed = cost_in_dollars(usage, price), cost_of_neurons(usage, price)
    if listed == billed:
        return f"\\${format_exact(listed)}"
    neurons = format_exact(cost_in_neurons(usage, price))
    return (
        f"\\${format_exact(listed)} at the listed price. Cloudflare bills in neurons: {neurons}, "
        f"which are \\${format_exact(billed)} before the free ones."
    )


def answer_line(model: Model, answers: tuple[Answer, ...]) -> str:
    """Return the line under an answer as Markdown: tokens, cost, speed and ending. Its parts are summed up."""
    last, usage = answers[-1], total_usage(answers)
    parts = []
    if usage is None:
        parts.append("tokens not counted")
    else:
        billed = any(answer.billed for answer in answers)
        parts += [tokens_text(usage), cost_text(cost_in_dollars(usage, model.price), billed=billed)]
    if last.timings.first_token is not None:
        parts.append(
            f"first word after {last.timings.first_token:.2f} s"
            if last.was_streamed
            else f"took {last.timings.total:.2f} s"
        )
    if (speed := last.tokens_per_second) is not None:
        about = "≈ " if usage is not None and usage.estimated else ""
        parts.append(f"{about}{speed:.0f} tokens/s")
    parts.append(f"**{last.ending.label}**")
    return " · ".join(parts)


def draw_sent_settings(answers: tuple[Answer, ...], model: Model) -> None:
    """Draw the settings that were really sent, for each part of the answer."""
    for number, answer in enumerate(answers, 1):
        if len(answers) > 1:
            st.markdown(f"**Part {number}**")
        parameters = answer.request.parameters
        rows = [
            f"| {parameter.label} | {parameters[parameter.name]:,} |"
            if parameter.name in parameters
            else f"| {parameter.label} | *model's default* |"
            for parameter in model.parameters
        ]
        st.markdown("\n".join(["| Settings used | |", "|---|--:|", *rows]))
        st.caption(f"{backend_label(answer.backend)} · {answer.timings.total:.1f} s in total")
    if (usage := total_usage(answers)) is not None and usage.estimated:
        st.caption("≈ means estimated: the server did not report the number of tokens.")


def draw_totals(model: Model, conversations: Iterable[Conversation], what: str) -> None:
    """Draw the usage of the conversations with all variants, which cost as well. ``what`` begins the line."""
    answers = tuple(
        answer
        for conversation in conversations
        for message in conversation.messages
        for answer in message.answers
    )
    usage = total_usage(answers)
    if usage is None:
        st.caption(f"{what}: no answer yet")
        return
    costs = []
    for billed in (True, False):
        part = total_usage(tuple(answer for answer in answers if answer.billed is billed))
        if part is not None:
            costs.append(cost_text(cost_in_dollars(part, model.price), billed=billed))
    st.caption(f"{what}: {tokens_text(usage)} · {' + '.join(costs)}", help=exact_cost(model, answers))


def draw_context_gauge(used: int, estimated: bool, window: int | None, model: Model) -> None:
    """Draw how full the context window is; ``window`` is None while the backend, and so its size, is not known."""
    about = "≈ " if estimated else ""
    if window is None:
        st.progress(0.0, text=f"Conversation length: {about}{used:,} tokens")
        return
    st.progress(min(used / window, 1.0), text=f"Conversation length: {about}{used:,} of {window:,} tokens")
    if window != model.context_window:
        st.caption(context_window_note(window, model))


def context_window_note(window: int, model: Model) -> str:
    """Return why the context window is not the documented one of the model."""
    documented = f"{model.context_window:,} for {model.name} on Cloudflare"
    return f"{window:,} for the model on this computer; {documented}."
