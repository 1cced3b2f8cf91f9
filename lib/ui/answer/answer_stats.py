"""Tokens, cost, speed and ending of an answer, and the totals of a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import streamlit as st

from lib.api.backend import backend_label
from lib.api.request import Request
from lib.chat.answer import Answer, total_usage
from lib.chat.answer_cost import answer_cost, count_cached_answers
from lib.chat.conversation import Conversation
from lib.model.model_record import DEFAULT_MODEL_ID, Model, format_value, parameter_label
from lib.model.pricing import format_dollars, format_exact
from lib.model.usage import Usage
from lib.ui.shell.account_catalogue import find_model, find_or_stand_in
from lib.ui.widgets.safe_markdown import escape_markdown


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


def exact_cost(answers: Sequence[Answer]) -> str | None:
    """Return the exact cost as Markdown for a tooltip: at the listed price, and in neurons if that is another amount.

    None if no tokens were counted, or if the price is not known.
    """
    if (cost := answer_cost(answers, find_model)) is None:
        return None
    listed = f"Exactly \\${format_exact(cost.listed)}"
    cached = count_cached_answers(answers)
    free = "" if not cached else " Workers AI bills nothing for an answer from the AI Gateway's cache."
    if cost.listed == cost.billed:
        return f"{listed}.{free}" if free else listed
    return (
        f"{listed} at the listed price. Cloudflare bills in neurons: {format_exact(cost.neurons)}, "
        f"which are \\${format_exact(cost.billed)} before the free ones.{free}"
    )


def answers_cost_text(answers: Iterable[Answer], *, billed: bool) -> str:
    """Return the cost of answers as Markdown, “—” if the price of a model is not known."""
    cost = answer_cost(answers, find_model)
    return "cost —" if cost is None else cost_text(cost.listed, billed=billed)


def answer_line(answers: tuple[Answer, ...]) -> str:
    """Return the line under an answer as Markdown: tokens, cost, speed and ending. Its parts are summed up.

    Another model than the default one is named.
    """
    last, usage = answers[-1], total_usage(answers)
    model = last.request.model
    parts = [] if model == DEFAULT_MODEL_ID else [escape_markdown(find_or_stand_in(model).name)]
    if usage is None:
        parts.append("tokens not counted")
    else:
        billed = any(answer.billed for answer in answers)
        parts += [tokens_text(usage), answers_cost_text(answers, billed=billed)]
    if count_cached_answers(answers):
        parts.append("from the AI Gateway's cache")
    if last.timings.first_token is not None:
        parts.append(
            f"first word after {last.timings.first_token:.2f} s"
            if last.was_streamed
            else f"took {last.timings.total:.2f} s"
        )
    if (speed := last.tokens_per_second) is not None:
        about = "≈ " if usage is not None and usage.estimated else ""
        parts.append(f"{about}{speed:,.0f} tokens/s")
    parts.append(f"**{last.ending.label}**")
    return " · ".join(parts)


def draw_sent_settings(answers: tuple[Answer, ...]) -> None:
    """Draw the settings that were really sent, for each part of the answer."""
    for number, answer in enumerate(answers, 1):
        if len(answers) > 1:
            st.markdown(f"**Part {number}**")
        rows = sent_settings_rows(answer.request)
        st.markdown("\n".join(["| Settings used | |", "|---|--:|", *rows]))
        is_default = answer.request.model == DEFAULT_MODEL_ID
        model = "" if is_default else f"`{answer.request.model}` · "
        st.caption(f"{model}{backend_label(answer.backend)} · {answer.timings.total:.1f} s in total")
    if (usage := total_usage(answers)) is not None and usage.estimated:
        st.caption("≈ means estimated: the server did not report the number of tokens.")


def sent_settings_rows(request: Request) -> list[str]:
    """Return a row of a Markdown table for each parameter of the request's model, with the value that was sent."""
    sent, rows = dict(request.parameters), []
    model = find_or_stand_in(request.model)
    for parameter in model.parameters:
        if parameter.name in sent:
            value = escape_markdown(format_value(sent.pop(parameter.name)))
            rows.append(f"| {escape_markdown(parameter.label)} | {value} |")
        elif parameter.is_usual:
            rows.append(f"| {parameter.label} | *model's default* |")
    others = ((parameter_label(name), format_value(value)) for name, value in sent.items())
    return rows + [f"| {escape_markdown(label)} | {escape_markdown(value)} |" for label, value in others]


def draw_totals(conversations: Iterable[Conversation], what: str) -> None:
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
        part = tuple(answer for answer in answers if answer.billed is billed)
        if total_usage(part) is not None:
            costs.append(answers_cost_text(part, billed=billed))
    cached = count_cached_answers(answers)
    note = f" · {cached:,} from the AI Gateway's cache" if cached else ""
    st.caption(f"{what}: {tokens_text(usage)} · {' + '.join(costs)}{note}", help=exact_cost(answers))


def draw_context_gauge(used: int, estimated: bool, window: int | None, model: Model) -> None:
    """Draw how full the context window is; ``window`` is None while the backend, and so its size, is not known."""
    about = "≈ " if estimated else ""
    if window is None:
        st.progress(0.0, text=f"Conversation length: {about}{used:,} tokens")
        # As many lines as the note below: what follows stands still when the backend is there.
        st.caption("The most that fits is shown once the model on this computer has started.")
        return
    st.progress(min(used / window, 1.0), text=f"Conversation length: {about}{used:,} of {window:,} tokens")
    if window != model.context_window:
        st.caption(context_window_note(window, model))


def context_window_note(window: int, model: Model) -> str:
    """Return why the context window is not the documented one of the model."""
    documented = f"{model.context_window:,} for {model.name} on Cloudflare"
    return f"{window:,} for the model on this computer; {documented}."
