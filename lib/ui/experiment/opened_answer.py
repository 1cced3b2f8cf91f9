"""The opened answer with its input, verdicts, rating, statistics and request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import streamlit as st

from lib.api import wire
from lib.chat.answer import Answer
from lib.errors import BadInput
from lib.experiment import cell_request, plan_grid
from lib.experiment.checks.check_kinds import check_wording
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.result_rows import ResultRow
from lib.jsonkit import json_text
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.pricing import format_exact
from lib.ui.answer import answer_stats, json_answer_view, tool_call_cards
from lib.ui.chat.transcript import draw_step_button
from lib.ui.experiment.results_view import PREFIX, ResultsView
from lib.ui.widgets import model_text, raw_text
from lib.ui.widgets.bound import bind_choice, draw_choice, draw_stars
from lib.ui.widgets.error_box import draw_error, draw_kept_error, keep_error
from lib.ui.widgets.safe_markdown import escape_markdown

# Opens the answer of that number, None: closes the opened one.
OpenAnswer = Callable[[int | None], None]

KEY = f"{PREFIX}opened"  # of the answer's container
_PROBLEM = f"{PREFIX}problem"
_VIEW = f"{PREFIX}view"
_HEIGHT = 320
_MAX_SHOWN_CHARS = 100_000


class AnswerView(StrEnum):
    """The views of an answer's text, with their labels."""

    AS_IT_CAME = "Plain text"
    FORMATTED = "Formatted"
    TREE = "Tree"


def draw_opened_answer(view: ResultsView, rows: Sequence[ResultRow], index: int, show: OpenAnswer) -> None:
    """Draw the answer of ``rows[index]``. ``show`` opens another answer or closes this one."""
    row = rows[index]
    with st.container(border=True, key=KEY):
        _draw_head(view, rows, index, show)
        draw_kept_error(_PROBLEM, "The rating was not saved")
        _draw_input(view, row)
        _draw_answer(row.result)
        _draw_verdicts(view, row.result)
        _draw_rating(view, row.result)
        _draw_stats(row.result)
        with st.expander("Request as it was sent", type="compact", key=f"{PREFIX}request"):
            _draw_request(view, row.result)


def _draw_head(view: ResultsView, rows: Sequence[ResultRow], index: int, show: OpenAnswer) -> None:
    row = rows[index]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        st.markdown(f"**{row.number + 1}** :small[· {index + 1:,} of {len(rows):,}]", width="stretch")
        numbers = [row.number for row in rows]
        for icon, target, key, help, shortcut in (
            (":material/chevron_left:", index - 1, "previous", "Previous answer (Alt+↑)", "Alt+Up"),
            (":material/chevron_right:", index + 1, "next", "Next answer (Alt+↓)", "Alt+Down"),
        ):
            draw_step_button(icon, f"{PREFIX}{key}", numbers, target, help, show, shortcut=shortcut)
        st.button(
            ":material/close:",
            key=f"{PREFIX}close",
            type="tertiary",
            help="Close",
            on_click=show,
            args=(None,),
        )
    parts = [escape_markdown(row.prompt)] if len(view.prompt_names) > 1 else []
    parts += [escape_markdown(row.setting)] if len(view.setting_names) > 1 else []
    parts += [f"repetition {row.result.cell.repetition + 1}"] if view.plan.repetitions > 1 else []
    if parts:
        st.caption(" · ".join(parts))


def _draw_input(view: ResultsView, row: ResultRow) -> None:
    inputs = view.plan.inputs
    if not inputs.rows:
        return
    with st.container(gap="xxsmall", key=f"{PREFIX}input"):
        for name, value in zip(inputs.columns, inputs.rows[row.result.cell.row], strict=True):
            with st.container(horizontal=True, wrap=False):
                st.caption(
                    escape_markdown(name) + (" (expected)" if name == inputs.expected else ""), width=130
                )
                st.text(replace_lone_surrogates(value[:_MAX_SHOWN_CHARS]) or "—", width="stretch")


def _draw_answer(result: Result) -> None:
    answer = result.answer
    if answer is None:
        st.caption(
            "Paddock was closed while this request was in progress. It may have been answered and paid for."
            if result.status is Status.DOUBTFUL
            else "There is no answer."
        )
        return
    if answer.text:
        _draw_text(answer)
    if answer.calls:
        no_results = [None] * len(answer.calls)
        tool_call_cards.draw_calls(answer.calls, answer.request.input, f"{PREFIX}calls", no_results, None)
    if answer.error is not None:
        draw_error(answer.error)
    elif not answer.text and not answer.calls:
        st.caption("The answer is empty.")


def _draw_text(answer: Answer) -> None:
    text, format = answer.text[:_MAX_SHOWN_CHARS], answer.request.response_format
    if format is not None:
        json_answer_view.draw_json_answer(text, format.schema, f"{PREFIX}json")
        return
    tree = _parse_tree(text)
    views = tuple(view for view in AnswerView if view is not AnswerView.TREE or tree is not None)
    view = bind_choice(_VIEW, views)
    with st.container(border=True, key=f"{PREFIX}answer"):
        match view.value:
            case AnswerView.FORMATTED:
                model_text.draw_text(text, f"{PREFIX}text")
            case AnswerView.TREE:
                model_text.draw_json_tree(tree, f"{PREFIX}tree", expanded=3)
            case _:
                model_text.draw_plain(text, f"{PREFIX}plain")
    draw_choice("Show the answer", views, view, label_visibility="collapsed")


def _parse_tree(text: str) -> Any:
    """Return the object or list that the text is in JSON, else None."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json_text.decode(text, "The answer")
    except BadInput:
        return None


def _draw_verdicts(view: ResultsView, result: Result) -> None:
    if not view.plan.checks:
        return
    if not result.outcomes:
        st.caption("There was nothing to judge.")
        return
    signs = {
        True: ":green[:material/check_circle:] passed",
        False: ":red[:material/cancel:] failed",
        None: ":orange[:material/help:] could not be judged",
    }
    lines = []
    for number, (check, outcome) in enumerate(zip(view.plan.checks, result.outcomes, strict=False), 1):
        reason = f": {escape_markdown(outcome.reason)}" if outcome.reason else ""
        lines.append(
            f"- {signs[outcome.passed]} **{number}. {escape_markdown(check_wording(check).title)}**{reason}"
        )
    with st.container(key=f"{PREFIX}outcomes"):
        st.markdown("\n".join(lines))


def _draw_rating(view: ResultsView, result: Result) -> None:
    """Draw the user's rating. Each answer has a control of its own."""
    if result.answer is None:
        return
    number = result.cell.number
    with st.container(horizontal=True, vertical_alignment="center", key=f"{PREFIX}rating"):
        st.caption("Your rating", width="content")
        draw_stars(f"{PREFIX}stars-{number}", result.rating, partial(_rate, view, number))


def _rate(view: ResultsView, number: int, stars: int | None) -> None:
    with keep_error(_PROBLEM):
        view.run.rate(number, stars)


def _draw_stats(result: Result) -> None:
    parts = []
    if (answer := result.answer) is not None:
        if (usage := answer.usage) is not None:
            parts.append(answer_stats.tokens_text(usage))
        parts.append(answer_stats.cost_text(result.cost, billed=answer.billed))
        parts.append(f"took {answer.timings.total:.2f} s")
        parts.append(f"**{answer.ending.label}**")
    if result.attempts > 1:
        parts.append(f"{result.attempts} attempts")
    if result.stored:
        parts.append("the same request was answered before, so this one was free")
    if parts:
        st.caption(" · ".join(parts), help=f"Cost: exactly \\${format_exact(result.cost)}")


def _draw_request(view: ResultsView, result: Result) -> None:
    resolved = view.resolved
    try:
        request = (
            result.answer.request
            if result.answer is not None
            else cell_request.request(resolved, result.cell, plan_grid.variants(resolved))
        )
    except BadInput as error:
        st.caption(f"{error.message} {error.advice}")
    else:
        raw_text.draw_json(wire.encode_request(request), _HEIGHT)
