"""Answers: what the columns made of one input, beside each other, and those that are being written, all at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from lib.api.request import Messages
from lib.chat.answer import Ending
from lib.chat.chat_session import Live
from lib.chat.conversation import Message
from lib.compare.comparison import STARS, Column, Facts, thread
from lib.ui.answer import answer_stats, tool_call_cards
from lib.ui.answer.streaming_text import CALM, FRESH, Growing
from lib.ui.chat import transcript
from lib.ui.compare import diff_html
from lib.ui.compare.comparison_tab import OFF, Board
from lib.ui.widgets.error_box import trouble
from lib.ui.widgets.fill import fill
from lib.ui.widgets.safe_markdown import label

_TO_CHAT, _KEEP, _AGAIN = "Go on in the chat", "Keep as a preset", "Another answer"
_FAILED = (Ending.ERROR, Ending.CUT_OFF)
_TICK = 0.01  # seconds: how often the columns are looked at; each is drawn as often as its text asks for


@dataclass
class Watched:
    """A running answer, how far it is drawn, and when it may be drawn again."""

    live: Live
    growing: Growing
    seen: int = 0
    due: float = 0.0


def draw_round(board: Board, number: int) -> list[Watched]:
    """The input and each column's answer to it. Gives those that are being written, which attach() draws."""
    watched: list[Watched] = []
    comparison = board.comparison
    with st.container(key=f"round-{number}"):
        with st.chat_message("user", avatar=transcript.AVATARS["user"]):
            st.text(comparison.rounds[number].text)
        order, told = comparison.order, board.asked_apart(number)
        for place, (column, at) in enumerate(zip(order, st.columns(len(order)), strict=True)):
            with at, st.container(border=True, key=f"cell-{number}-{place}"):
                if (one := _cell(board, column, number, told.get(column.id, ()))) is not None:
                    watched.append(one)
    return watched


def _cell(board: Board, column: Column, number: int, told: Facts) -> Watched | None:
    """One column's answer, with what it alone was asked with. Gives it where it is being written."""
    answers = board.answers(column, number)
    answer = board.shown(number).get(column.id)
    last = number == len(board.comparison.rounds) - 1
    coming = board.contest.coming(column.id) if last else 0
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        apart = " · ".join(f"{what} {label(value)}" for what, value in told)
        st.markdown(
            f"**{board.label(column)}** :small[:gray[{apart}]]" if apart else f"**{board.label(column)}**"
        )
        st.space("stretch")
        if answer is not None and not (board.hidden and coming):
            _variants(board, column, number, answers, answer, coming)
        if coming and not board.hidden:
            st.button(
                "Stop",
                key=f"stop-{column.id}",
                type="tertiary",
                icon=":material/stop_circle:",
                on_click=board.contest.stop,
                args=(column.id,),
                help="This column alone",
            )
    if answer is None:
        st.caption("This column did not have this input.")
        return None
    conversation, live = board.contest.chat(column.id).view()
    messages = thread(conversation, answer.id)
    # While the page streams, what an earlier drawing put in a place stays until something is put there: so each
    # answer has another place than the one before it.
    side = ([one.id for one in answers].index(answer.id) + len(messages)) % 2
    sides = [st.container() if side == one else st.empty() for one in (0, 1)]
    if board.hidden and coming:  # how fast it comes, and whether piece by piece, would tell
        sides[side].caption(":shimmer[Its answer is shown once all have come]")
        return None
    with sides[side]:
        for message in messages:
            if live is not None and live.message == message.id:
                return Watched(live, Growing(live, st.container()))
            _draw(board, column, number, message, answer, ended=live is None)
        _foot(board, column, answer, messages, last=last and not coming)
    return None


def _variants(
    board: Board, column: Column, number: int, answers: tuple[Message, ...], answer: Message, coming: int
) -> None:
    """‹ 1/n › where the column was asked several times."""
    known = len(answers) + max(coming - 1, 0)
    if known < 2:
        return
    asked = board.comparison.rounds[number].asked[column.id]
    transcript.draw_steps(
        asked,
        [one.id for one in answers],
        answer.id,
        known,
        "Another repetition; the next input goes on from the one that is shown",
        partial(board.contest.show, asked),
    )


def _draw(
    board: Board, column: Column, number: int, message: Message, answer: Message, *, ended: bool
) -> None:
    """One message of an answer: its text, or how that differs from the base's; its calls; its error."""
    if message.role == "tool":
        return  # its result stands in the card of its call
    base = board.shown(number).get(board.base) if board.base not in (OFF, column.id) else None
    if base is not None and message.id == answer.id and base.content and message.content:
        st.caption(f":material/difference: {diff_html.told(base.content, message.content)}")
        st.html(diff_html.html(base.content, message.content))
    else:
        transcript.draw_said(message)
    if message.calls:
        _calls(board, column, message, ended=ended)
    if message.answers and (error := message.answers[-1].error) is not None:
        trouble(error)


def _calls(board: Board, column: Column, message: Message, *, ended: bool) -> None:
    conversation = board.contest.chat(column.id).conversation
    told = {one.call_id: one.content for one in conversation.messages if one.parent and one.call_id}
    asked = message.answers[-1].request.input if message.answers else None
    open_to = ended and not board.contest.coming(column.id)
    tool_call_cards.draw_calls(
        message.calls,
        asked.tools if isinstance(asked, Messages) else (),
        f"calls-{message.id}",
        [told.get(call.id) for call in message.calls],
        (lambda results: board.answer_calls(column.id, message, results)) if open_to else None,
        board.panels[column.id].auto,
        asked.functions if isinstance(asked, Messages) else (),
    )


def _foot(
    board: Board, column: Column, answer: Message, messages: tuple[Message, ...], *, last: bool
) -> None:
    """What stands under an answer: its stars, its figures, and what can be done with it."""
    runs = tuple(run for message in messages for run in message.answers)
    failed = bool(runs) and runs[-1].ending in _FAILED
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if answer.content or answer.calls:
            _stars(board, answer)
        if not board.hidden:
            _menu(board, column, answer, last=last)
    if last and failed and not board.hidden:
        st.button(
            "Retry",
            key=f"again-{answer.id}",
            type="primary",
            icon=":material/refresh:",
            on_click=board.more,
            args=(column.id,),
        )
    if runs and not board.hidden:
        st.caption(answer_stats.answer_line(board.panels[column.id].chat.model, runs))


def _stars(board: Board, answer: Message) -> None:
    key = f"stars-{answer.id}"
    given = board.comparison.ratings.get(answer.id)
    shown = fill(key, None if given is None else given - 1)
    with st.container(width="stretch"):
        st.feedback("stars", default=shown, key=key, on_change=_rate, args=(board, answer.id, key))


def _rate(board: Board, answer: str, key: str) -> None:
    stars: int | None = st.session_state[key]
    board.contest.rate(answer, None if stars is None else min(stars + 1, STARS))


def _menu(board: Board, column: Column, answer: Message, *, last: bool) -> None:
    key = f"menu-{answer.id}"
    with st.popover(
        "Sent", type="tertiary", icon=":material/tune:", help="The settings that were really sent"
    ):
        answer_stats.sent(answer.answers, board.panels[column.id].chat.model)
    st.menu_button(
        "⋯",
        (_TO_CHAT, _KEEP, _AGAIN) if last else (_TO_CHAT, _KEEP),
        key=key,
        type="tertiary",
        help="Go on with it in the chat, keep its settings, ask once more",
        on_click=_chosen,
        args=(board, column.id, answer, key),
    )


def _chosen(board: Board, column: str, answer: Message, key: str) -> None:
    match st.session_state[key]:
        case "Go on in the chat":
            board.to_chat(column, answer)
        case "Keep as a preset":
            board.keep(column, answer)
        case "Another answer":
            board.more(column)


def attach(watched: Sequence[Watched], meanwhile: Callable[[], None], *, fresh: bool) -> None:
    """Draw running answers until one of them ends, each in its turn and none before the others.

    Any rerun may cut this off; the next one attaches again. ``fresh``: the browser has just opened the page.
    """
    calm = time.monotonic() + FRESH if fresh else 0.0
    while watched:
        now = time.monotonic()
        for one in watched:
            if now < one.due:
                continue
            running, new = one.live.run.read(one.seen)
            one.seen += len(new)
            one.growing.draw("".join(new))
            if not running:
                one.growing.end()
                return
            one.due = now + (CALM if now < calm else one.growing.pause)
        meanwhile()
        time.sleep(_TICK)
