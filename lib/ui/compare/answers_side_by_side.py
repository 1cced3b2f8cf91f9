"""Answers: what the columns made of one input, beside each other, and those that are being written, all at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from lib.api.request import Messages
from lib.chat.answer import Ending
from lib.chat.chat_session import LiveRun
from lib.chat.conversation import Message
from lib.compare.comparison import MAX_STARS, ComparisonColumn, SetupFields, answer_thread
from lib.ui.answer import answer_stats, tool_call_cards
from lib.ui.answer.streaming_text import SLOW_START_INTERVAL, SLOW_START_SECONDS, StreamingText
from lib.ui.chat import transcript
from lib.ui.compare import diff_html
from lib.ui.compare.comparison_tab import NO_BASE, ComparisonTab
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.fill import fill
from lib.ui.widgets.safe_markdown import escape_markdown

_TO_CHAT, _KEEP, _AGAIN = "Go on in the chat", "Keep as a preset", "Another answer"
_FAILED = (Ending.ERROR, Ending.CUT_OFF)
_TICK = 0.01  # seconds: how often the columns are looked at; each is drawn as often as its text asks for


@dataclass
class WatchedAnswer:
    """A running answer, how far it is drawn, and when it may be drawn again."""

    live: LiveRun
    growing: StreamingText
    seen: int = 0
    due: float = 0.0


def draw_round(board: ComparisonTab, number: int) -> list[WatchedAnswer]:
    """The input and each column's answer to it. Gives those that are being written, which attach() draws."""
    watched: list[WatchedAnswer] = []
    comparison = board.comparison
    with st.container(key=f"round-{number}"):
        with st.chat_message("user", avatar=transcript.AVATARS["user"]):
            st.text(comparison.rounds[number].text)
        order, told = comparison.displayed_columns, board.request_differences(number)
        for place, (column, at) in enumerate(zip(order, st.columns(len(order)), strict=True)):
            with at, st.container(border=True, key=f"cell-{number}-{place}"):
                if (one := _cell(board, column, number, told.get(column.id, ()))) is not None:
                    watched.append(one)
    return watched


def _cell(
    board: ComparisonTab, column: ComparisonColumn, number: int, told: SetupFields
) -> WatchedAnswer | None:
    """One column's answer, with what it alone was asked with. Gives it where it is being written."""
    answers = board.answers(column, number)
    answer = board.shown_answers(number).get(column.id)
    last = number == len(board.comparison.rounds) - 1
    coming = board.session.pending_count(column.id) if last else 0
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        apart = " · ".join(f"{what} {escape_markdown(value)}" for what, value in told)
        st.markdown(
            f"**{board.column_label(column)}** :small[:gray[{apart}]]"
            if apart
            else f"**{board.column_label(column)}**"
        )
        st.space("stretch")
        if answer is not None and not (board.is_hidden and coming):
            _variants(board, column, number, answers, answer, coming)
        if coming and not board.is_hidden:
            st.button(
                "Stop",
                key=f"stop-{column.id}",
                type="tertiary",
                icon=":material/stop_circle:",
                on_click=board.session.stop,
                args=(column.id,),
                help="This column alone",
            )
    if answer is None:
        st.caption("This column did not have this input.")
        return None
    conversation, live = board.session.chat(column.id).snapshot()
    messages = answer_thread(conversation, answer.id)
    # While the page streams, what an earlier drawing put in a place stays until something is put there: so each
    # answer has another place than the one before it.
    side = ([one.id for one in answers].index(answer.id) + len(messages)) % 2
    sides = [st.container() if side == one else st.empty() for one in (0, 1)]
    if board.is_hidden and coming:  # how fast it comes, and whether piece by piece, would tell
        sides[side].caption(":shimmer[Its answer is shown once all have come]")
        return None
    with sides[side]:
        for message in messages:
            if live is not None and live.message_id == message.id:
                return WatchedAnswer(live, StreamingText(live, st.container()))
            _draw(board, column, number, message, answer, ended=live is None)
        _foot(board, column, answer, messages, last=last and not coming)
    return None


def _variants(
    board: ComparisonTab,
    column: ComparisonColumn,
    number: int,
    answers: tuple[Message, ...],
    answer: Message,
    coming: int,
) -> None:
    """‹ 1/n › where the column was asked several times."""
    known = len(answers) + max(coming - 1, 0)
    if known < 2:
        return
    asked = board.comparison.rounds[number].question_ids[column.id]
    transcript.draw_variant_steps(
        asked,
        [one.id for one in answers],
        answer.id,
        known,
        "Another repetition; the next input goes on from the one that is shown",
        partial(board.session.select_answer, asked),
    )


def _draw(
    board: ComparisonTab,
    column: ComparisonColumn,
    number: int,
    message: Message,
    answer: Message,
    *,
    ended: bool,
) -> None:
    """One message of an answer: its text, or how that differs from the base's; its calls; its error."""
    if message.role == "tool":
        return  # its result stands in the card of its call
    base = (
        board.shown_answers(number).get(board.diff_base)
        if board.diff_base not in (NO_BASE, column.id)
        else None
    )
    if base is not None and message.id == answer.id and base.content and message.content:
        st.caption(f":material/difference: {diff_html.describe_diff(base.content, message.content)}")
        st.html(diff_html.render_diff(base.content, message.content))
    else:
        transcript.draw_content(message)
    if message.calls:
        _calls(board, column, message, ended=ended)
    if message.answers and (error := message.answers[-1].error) is not None:
        draw_error(error)


def _calls(board: ComparisonTab, column: ComparisonColumn, message: Message, *, ended: bool) -> None:
    conversation = board.session.chat(column.id).conversation
    told = {one.call_id: one.content for one in conversation.messages if one.parent and one.call_id}
    asked = message.answers[-1].request.input if message.answers else None
    open_to = ended and not board.session.pending_count(column.id)
    tool_call_cards.draw_calls(
        message.calls,
        asked.tools if isinstance(asked, Messages) else (),
        f"calls-{message.id}",
        [told.get(call.id) for call in message.calls],
        (lambda results: board.answer_calls(column.id, message, results)) if open_to else None,
        board.panels[column.id].runs_sample_tools,
        asked.functions if isinstance(asked, Messages) else (),
    )


def _foot(
    board: ComparisonTab,
    column: ComparisonColumn,
    answer: Message,
    messages: tuple[Message, ...],
    *,
    last: bool,
) -> None:
    """What stands under an answer: its stars, its figures, and what can be done with it."""
    runs = tuple(run for message in messages for run in message.answers)
    failed = bool(runs) and runs[-1].ending in _FAILED
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if answer.content or answer.calls:
            _stars(board, answer)
        if not board.is_hidden:
            _menu(board, column, answer, last=last)
    if last and failed and not board.is_hidden:
        st.button(
            "Retry",
            key=f"again-{answer.id}",
            type="primary",
            icon=":material/refresh:",
            on_click=board.ask_once_more,
            args=(column.id,),
        )
    if runs and not board.is_hidden:
        st.caption(answer_stats.answer_line(board.panels[column.id].chat.model, runs))


def _stars(board: ComparisonTab, answer: Message) -> None:
    key = f"stars-{answer.id}"
    given = board.comparison.ratings.get(answer.id)
    shown = fill(key, None if given is None else given - 1)
    with st.container(width="stretch"):
        st.feedback("stars", default=shown, key=key, on_change=_rate, args=(board, answer.id, key))


def _rate(board: ComparisonTab, answer: str, key: str) -> None:
    stars: int | None = st.session_state[key]
    board.session.rate(answer, None if stars is None else min(stars + 1, MAX_STARS))


def _menu(board: ComparisonTab, column: ComparisonColumn, answer: Message, *, last: bool) -> None:
    key = f"menu-{answer.id}"
    with st.popover(
        "Sent", type="tertiary", icon=":material/tune:", help="The settings that were really sent"
    ):
        answer_stats.draw_sent_settings(answer.answers, board.panels[column.id].chat.model)
    st.menu_button(
        "⋯",
        (_TO_CHAT, _KEEP, _AGAIN) if last else (_TO_CHAT, _KEEP),
        key=key,
        type="tertiary",
        help="Go on with it in the chat, keep its settings, ask once more",
        on_click=_chosen,
        args=(board, column.id, answer, key),
    )


def _chosen(board: ComparisonTab, column: str, answer: Message, key: str) -> None:
    match st.session_state[key]:
        case "Go on in the chat":
            board.continue_in_chat(column, answer)
        case "Keep as a preset":
            board.keep_as_preset(column, answer)
        case "Another answer":
            board.ask_once_more(column)


def follow_answers(watched: Sequence[WatchedAnswer], meanwhile: Callable[[], None], *, fresh: bool) -> None:
    """Draw running answers until one of them ends, each in its turn and none before the others.

    Any rerun may cut this off; the next one attaches again. ``fresh``: the browser has just opened the page.
    """
    calm = time.monotonic() + SLOW_START_SECONDS if fresh else 0.0
    while watched:
        now = time.monotonic()
        for one in watched:
            if now < one.due:
                continue
            running, new = one.live.run.read_parts(one.seen)
            one.seen += len(new)
            one.growing.draw_new_text("".join(new))
            if not running:
                one.growing.finish()
                return
            one.due = now + (SLOW_START_INTERVAL if now < calm else one.growing.interval)
        meanwhile()
        time.sleep(_TICK)
