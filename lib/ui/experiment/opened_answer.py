"""Opened: one answer with its input, what it was asked with, what the checks say of it, and a person's rating."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import StrEnum

import streamlit as st

from lib.api import wire
from lib.api.request import Messages, Request
from lib.chat.answer import Answer
from lib.errors import BadInput
from lib.experiment import cell_request, plan_grid
from lib.experiment.checks.check_wording import check_wording
from lib.experiment.results.cell_result import Result, Status
from lib.experiment.results.result_rows import ResultRow
from lib.jsonkit.surrogates import replace_lone_surrogates
from lib.model.pricing import format_dollars
from lib.ui.answer import json_answer_view, tool_call_cards
from lib.ui.answer.streaming_text import draw_block
from lib.ui.experiment.results_view import PREFIX, ResultsView
from lib.ui.widgets import raw_text
from lib.ui.widgets.bound import bind, bind_choice
from lib.ui.widgets.error_box import draw_error, draw_kept_error, keep_error
from lib.ui.widgets.safe_markdown import escape_markdown, split_blocks

OpenAnswer = Callable[[int | None], None]

_PROBLEM = f"{PREFIX}problem"
_VIEW = f"{PREFIX}view"
_HEIGHT = 320
_MAX_SHOWN_CHARS = 100_000


class AnswerView(StrEnum):
    """The views of an answer's text, with their labels."""

    AS_IT_CAME = "As it came"
    FORMATTED = "Formatted"
    TREE = "Tree"


def draw_opened_answer(board: ResultsView, lines: Sequence[ResultRow], at: int, show: OpenAnswer) -> None:
    """The answer at that place of the lines. ``show`` opens another by its number, or with None closes it."""
    line = lines[at]
    with st.container(border=True, key=f"{PREFIX}opened", gap="small"):
        _head(board, lines, at, show)
        draw_kept_error(_PROBLEM, "The rating was not kept")
        _input(board, line)
        _answer(line.result)
        _verdicts(board, line.result)
        _rating(board, line.result)
        _figures(board, line.result)
        with st.expander("Request as it was sent", type="compact", key=f"{PREFIX}request"):
            _request(board, line.result)


def _head(board: ResultsView, lines: Sequence[ResultRow], at: int, show: OpenAnswer) -> None:
    line = lines[at]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        st.markdown(f"**{line.number + 1}** :small[· {at + 1:,} of {len(lines):,}]", width="stretch")
        for sign, to, key, help in (
            (":material/chevron_left:", at - 1, "previous", "The answer before (Alt+↑)"),
            (":material/chevron_right:", at + 1, "next", "The next answer (Alt+↓)"),
        ):
            inside = 0 <= to < len(lines)
            st.button(
                sign,
                key=f"{PREFIX}{key}",
                type="tertiary",
                disabled=not inside,
                help=help,
                on_click=show,
                args=(lines[to].number if inside else None,),
                shortcut="Alt+Up" if key == "previous" else "Alt+Down",
            )
        st.button(
            ":material/close:",
            key=f"{PREFIX}close",
            type="tertiary",
            help="Close",
            on_click=show,
            args=(None,),
        )
    parts = [escape_markdown(line.prompt)] if len(board.prompt_names) > 1 else []
    parts += [escape_markdown(line.setting)] if len(board.setting_names) > 1 else []
    parts += [f"try {line.result.cell.repetition + 1}"] if board.plan.repetitions > 1 else []
    if parts:
        st.caption(" · ".join(parts))


def _input(board: ResultsView, line: ResultRow) -> None:
    inputs, row = board.plan.inputs, line.result.cell.row
    if not inputs.rows:
        return
    with st.container(gap="xxsmall", key=f"{PREFIX}input"):
        for name, value in zip(inputs.columns, inputs.rows[row], strict=True):
            with st.container(horizontal=True, gap="small", wrap=False):
                st.caption(
                    escape_markdown(name) + (" (expected)" if name == inputs.expected else ""), width=130
                )
                st.text(replace_lone_surrogates(value[:_MAX_SHOWN_CHARS]) or "—", width="stretch")


def _answer(result: Result) -> None:
    answer = result.answer
    if answer is None:
        st.caption(
            "It was on its way when Paddock was ended: nobody knows whether it was answered and paid."
            if result.status is Status.DOUBTFUL
            else "There is no answer."
        )
        return
    if answer.text:
        _said(answer)
    if answer.calls:
        input = answer.request.input
        tools = input.tools if isinstance(input, Messages) else ()
        functions = input.functions if isinstance(input, Messages) else ()
        tool_call_cards.draw_calls(
            answer.calls, tools, f"{PREFIX}calls", [None] * len(answer.calls), None, functions=functions
        )
    if answer.error is not None:
        draw_error(answer.error)
    elif not answer.text and not answer.calls:
        st.caption("The answer is empty.")


def _said(answer: Answer) -> None:
    text, format = answer.text[:_MAX_SHOWN_CHARS], answer.request.response_format
    if format is not None:
        json_answer_view.draw_json_answer(text, format.schema, f"{PREFIX}json")
        return
    views = tuple(view for view in AnswerView if view is not AnswerView.TREE or _is_json(text))
    view = bind_choice(_VIEW, views)
    with st.container(border=True, key=f"{PREFIX}answer", gap="small"):
        match view.value:
            case AnswerView.FORMATTED:
                for block in split_blocks(text):
                    draw_block(block, st.empty())
            case AnswerView.TREE:
                st.json(json.dumps(json.loads(text)), expanded=3)
            case _:
                st.text(replace_lone_surrogates(text))
    st.segmented_control(
        "Show the answer",
        views,
        key=view.key,
        default=view.value,
        required=True,
        label_visibility="collapsed",
        on_change=view.on_change,
    )


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _verdicts(board: ResultsView, result: Result) -> None:
    if not board.plan.checks:
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
    for number, (check, outcome) in enumerate(zip(board.plan.checks, result.outcomes, strict=False), 1):
        reason = f": {escape_markdown(outcome.reason)}" if outcome.reason else ""
        lines.append(
            f"- {signs[outcome.passed]} **{number}. {escape_markdown(check_wording(check).title)}**{reason}"
        )
    with st.container(key=f"{PREFIX}outcomes"):
        st.markdown("\n".join(lines))


def _rating(board: ResultsView, result: Result) -> None:
    """Stars. Those of another answer are another control."""
    if result.answer is None:
        return
    number = result.cell.number
    given = None if result.rating is None else result.rating - 1
    stars = bind(f"{PREFIX}stars-{number}", given, lambda chosen: _rate(board, number, chosen))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{PREFIX}rating"):
        st.caption("Your rating", width="content")
        st.feedback("stars", default=stars.value, key=stars.key, on_change=stars.on_change)


def _rate(board: ResultsView, number: int, stars: int | None) -> None:
    with keep_error(_PROBLEM):
        board.run.rate(number, None if stars is None else stars + 1)


def _figures(board: ResultsView, result: Result) -> None:
    parts = []
    if (answer := result.answer) is not None:
        if (usage := answer.usage) is not None:
            about = "≈ " if usage.estimated else ""
            parts.append(f"{about}{usage.prompt_tokens:,} in · {about}{usage.completion_tokens:,} out")
        billed = "" if answer.billed else "would cost "
        parts.append(f"{billed}\\{format_dollars(result.cost)}")
        parts.append(f"{answer.timings.total:.2f} s")
        parts.append(f"**{answer.ending.value}**")
    if result.attempts > 1:
        parts.append(f"{result.attempts} attempts")
    if result.stored:
        parts.append("the answer to the same request, known already and free of charge")
    if parts:
        st.caption(" · ".join(parts))


def _request(board: ResultsView, result: Result) -> None:
    if result.answer is not None:
        raw_text.draw_json(wire.encode_request(result.answer.request), _HEIGHT)
        return
    try:
        asked = _asked(board, result)
    except BadInput as error:
        st.caption(f"{error.message} {error.advice}")
    else:
        raw_text.draw_json(wire.encode_request(asked), _HEIGHT)


def _asked(board: ResultsView, result: Result) -> Request:
    return cell_request.request(
        board.model, board.plan, result.cell, plan_grid.variants(board.plan, board.model)
    )
