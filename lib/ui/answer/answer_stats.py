"""Tokens, cost, speed and ending of an answer, and the totals of a conversation."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import streamlit as st

from lib.chat.answer import Answer, total_usage
from lib.chat.conversation import Conversation
from lib.model.model_record import Model
from lib.model.pricing import cost_in_dollars, format_dollars
from lib.model.usage import Usage


def tokens_text(usage: Usage) -> str:
    """Return the tokens in and out; “≈” marks an estimate."""
    about = "≈ " if usage.estimated else ""
    return f"{about}{usage.prompt_tokens:,} in · {about}{usage.completion_tokens:,} out"


def cost_text(*dollars: Decimal, billed: bool) -> str:
    """Return a cost, or its lowest and highest value, as Markdown; for the twin, what it would cost."""
    # The backslash keeps two amounts in one line from being set as a formula.
    amounts = " – ".join(f"\\{format_dollars(amount)}" for amount in dollars)
    return amounts if billed else f"would cost {amounts}"


def answer_line(model: Model, answers: tuple[Answer, ...]) -> str:
    """Return the line under an answer as Markdown: tokens, cost, speed and ending. Its parts are summed up."""
    last, usage = answers[-1], total_usage(answers)
    parts = []
    if usage is None:
        parts.append("no tokens counted")
    else:
        billed = any(answer.billed for answer in answers)
        parts += [tokens_text(usage), cost_text(cost_in_dollars(usage, model.price), billed=billed)]
    if last.timings.first_token is not None:
        parts.append(
            f"first token {last.timings.first_token:.2f} s"
            if last.was_streamed
            else f"whole after {last.timings.total:.2f} s"
        )
    if (speed := last.tokens_per_second) is not None:
        about = "≈ " if usage is not None and usage.estimated else ""
        parts.append(f"{about}{speed:.0f} tokens/s")
    parts.append(f"**{last.ending.value}**")
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
            else f"| {parameter.label} | *left to the model* |"
            for parameter in model.parameters
        ]
        st.markdown("\n".join(["| Sent | |", "|---|--:|", *rows]))
        st.caption(f"{answer.backend} · {answer.timings.total:.1f} s in all")
    if (usage := total_usage(answers)) is not None and usage.estimated:
        st.caption("≈ The backend gave no usage for this answer: the tokens are estimated from its length.")


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
        st.caption("No tokens used yet.")
        return
    costs = []
    for billed in (True, False):
        part = total_usage(tuple(answer for answer in answers if answer.billed is billed))
        if part is not None:
            costs.append(cost_text(cost_in_dollars(part, model.price), billed=billed))
    st.caption(f"{what}: {tokens_text(usage)} · {' + '.join(costs)}")


def draw_context_gauge(used: int, estimated: bool, window: int | None, model: Model) -> None:
    """Draw how full the context window is; ``window`` is None while the backend, and so its size, is not known."""
    about = "≈ " if estimated else ""
    if window is None:
        st.progress(0.0, text=f"Context: {about}{used:,} tokens")
        return
    st.progress(min(used / window, 1.0), text=f"Context: {about}{used:,} of {window:,} tokens")
    if window != model.context_window:
        st.caption(context_window_note(window, model))


def context_window_note(window: int, model: Model) -> str:
    """Return why the context window is not the documented one of the model."""
    documented = f"{model.context_window:,} for {model.name} on Cloudflare"
    return f"{window:,} for the practice model on this computer; {documented}."
