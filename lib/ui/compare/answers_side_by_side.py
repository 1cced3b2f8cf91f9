"""The columns' answers to one input side by side, finished or still streaming."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import streamlit as st

from lib.chat.answer import Ending
from lib.chat.chat_session import LiveRun
from lib.chat.conversation import Message
from lib.compare.comparison import ComparisonColumn, SetupFields, answer_thread
from lib.ui.answer import answer_stats
from lib.ui.answer.answer_trace import find_trace
from lib.ui.answer.streaming_text import SLOW_START_INTERVAL, StreamingText
from lib.ui.answer.thoughts import LiveThoughts, draw_thoughts
from lib.ui.chat import transcript
from lib.ui.compare import diff_html
from lib.ui.compare.comparison_tab import NO_BASE, ComparisonTab
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.bound import draw_stars
from lib.ui.widgets.click_notice import expect_long_run
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown
from lib.ui.widgets.scroll_into_view import ScrollTo, scroll_into_view

WINDOW = 5  # rounds that are drawn at first
_SHOWN = "compare-shown"  # in the session's state: how many rounds are drawn
_FAILED = (Ending.ERROR, Ending.CUT_OFF)
# Seconds between two looks at the columns; each column is redrawn as often as its own text asks for.
_POLL_SECONDS = 0.01


class AnswerAction(StrEnum):
    """The entries of an answer's menu, with their labels."""

    CONTINUE_IN_CHAT = "Continue in Chat"
    KEEP_AS_PRESET = "Save as preset"
    ASK_ONCE_MORE = "Ask once more"


@dataclass
class WatchedAnswer:
    """A running answer, the number of parts drawn, and the monotonic time of its next drawing."""

    live: LiveRun
    text: StreamingText
    thoughts: LiveThoughts
    parts_drawn: int = 0
    next_drawing: float = 0.0


@dataclass(frozen=True)
class _Cell:
    """A column's answers to the input of one round. ``shown`` is None if the column did not have that input.

    ``pending`` counts the answers still to come; only the last round can have any.
    """

    tab: ComparisonTab
    column: ComparisonColumn
    round_number: int
    answers: tuple[Message, ...]
    shown: Message | None
    pending: int

    @property
    def is_last_round(self) -> bool:
        return self.round_number == len(self.tab.comparison.rounds) - 1

    @property
    def is_hidden(self) -> bool:
        """True while a blind comparison still waits for answers: their speed would tell the columns apart."""
        return self.tab.is_hidden and self.pending > 0


def draw_rounds(tab: ComparisonTab) -> list[WatchedAnswer]:
    """Draw the last rounds and return the answers that are still streaming.

    A blind comparison shows its last round only: the earlier ones are known already.
    """
    count = len(tab.comparison.rounds)
    first = count - 1 if tab.is_hidden else max(count - int(st.session_state.get(_SHOWN, WINDOW)), 0)
    if first and tab.is_hidden:
        st.caption("Earlier messages are hidden until you rate or reveal these answers.")
    elif first:
        st.button(
            f"Show {min(first, WINDOW)} earlier messages",
            key="compare-earlier",
            type="tertiary",
            on_click=_show_earlier,
        )
    return [answer for number in range(first, count) for answer in _draw_round(tab, number)]


def show_last_round(tab: ComparisonTab) -> None:
    """Scroll to the beginning of the last round when it begins, and when the comparison is opened."""
    number = len(tab.comparison.rounds) - 1
    # The first round stands below the columns' heads, which stay in sight.
    to = ScrollTo.TOP if number > 0 else ScrollTo.NEAREST
    scroll_into_view("round", f"round-{number}", f"{tab.session.id}-{number}", to)


def _show_earlier() -> None:
    st.session_state[_SHOWN] = int(st.session_state.get(_SHOWN, WINDOW)) + WINDOW


def _draw_round(tab: ComparisonTab, number: int) -> list[WatchedAnswer]:
    streaming: list[WatchedAnswer] = []
    with st.container(key=f"round-{number}"):
        with st.chat_message("user", avatar=transcript.AVATARS["user"]):
            st.text(tab.comparison.rounds[number].text)
        columns, differences = tab.comparison.displayed_columns, tab.request_differences(number)
        shown, is_last = tab.shown_answers(number), number == len(tab.comparison.rounds) - 1
        for position, (column, place) in enumerate(zip(columns, st.columns(len(columns)), strict=True)):
            with place, st.container(border=True, key=f"cell-{number}-{position}"):
                answers = tab.answers(column, number)
                pending = tab.session.pending_count(column.id) if is_last else 0
                cell = _Cell(tab, column, number, answers, shown.get(column.id), pending)
                _draw_head(cell, differences.get(column.id, ()))
                if (answer := _draw_answer(cell)) is not None:
                    streaming.append(answer)
    return streaming


def _draw_head(cell: _Cell, differences: SetupFields) -> None:
    """Draw the column's name, what only its request had, and the buttons that switch and stop its answers."""
    tab, column = cell.tab, cell.column
    with st.container(horizontal=True, vertical_alignment="center"):
        fields = " · ".join(f"{name} {escape_markdown(value)}" for name, value in differences)
        name = f"**{tab.column_label(column)}**"
        st.markdown(f"{name} :small[:gray[{fields}]]" if fields else name)
        st.space("stretch")
        if cell.shown is not None and not cell.is_hidden:
            _draw_repetition_steps(cell, cell.shown)
        if cell.pending and not tab.is_hidden:
            st.button(
                "Stop",
                key=f"stop-{column.id}",
                type="tertiary",
                icon=":material/stop_circle:",
                on_click=tab.session.stop,
                args=(column.id,),
                help="Stops only this column",
            )


def _draw_repetition_steps(cell: _Cell, shown: Message) -> None:
    """Draw ‹ 1/n › if the column was asked several times."""
    count = len(cell.answers) + max(cell.pending - 1, 0)
    if count < 2:
        return
    question = cell.tab.comparison.rounds[cell.round_number].question_ids[cell.column.id]
    transcript.draw_variant_steps(
        question,
        [answer.id for answer in cell.answers],
        shown.id,
        count,
        "Another answer. Your next message continues from the one on display.",
        partial(cell.tab.session.select_answer, question),
    )


def _draw_answer(cell: _Cell) -> WatchedAnswer | None:
    """Draw the answer that is shown; return it if it is still streaming."""
    tab, answer = cell.tab, cell.shown
    if answer is None:
        st.caption("This column did not get this message.")
        return None
    conversation, live = tab.session.chat(cell.column.id).snapshot()
    messages = answer_thread(conversation, answer.id)
    # While the page streams, what an earlier drawing put in a place stays until something else is put there. So two
    # successive answers are drawn in different places.
    slot = ([other.id for other in cell.answers].index(answer.id) + len(messages)) % 2
    places = [st.container() if slot == number else st.empty() for number in (0, 1)]
    if cell.is_hidden:
        places[slot].caption(":shimmer[Shown when all answers are complete]")
        return None
    with places[slot]:
        for message in messages:
            if live is not None and live.message_id == message.id:
                place = st.container()
                thoughts = LiveThoughts(live.run, place, live.message_id)
                text = StreamingText(live.run, live.text_before, place, live.message_id)
                return WatchedAnswer(live, text, thoughts)
            _draw_message(cell, message, answer, has_ended=live is None)
        _draw_footer(cell, answer, messages)
    return None


def _draw_message(cell: _Cell, message: Message, answer: Message, *, has_ended: bool) -> None:
    """Draw one message of an answer's thread: its text or its diff, its tool calls and its error."""
    if message.role == "tool":
        return  # its result stands in the card of its call
    tab, chat = cell.tab, cell.tab.session.chat(cell.column.id)
    if not tab.is_hidden:  # they would tell a blind comparison's models apart
        draw_thoughts(message, lambda answer: find_trace(current_owner(), chat.id, answer))
    base = _diff_base(cell)
    if base is not None and message.id == answer.id and base.content and message.content:
        st.caption(f":material/difference: {diff_html.describe_diff(base.content, message.content)}")
        st.html(diff_html.render_diff(base.content, message.content))
    else:
        transcript.draw_content(message)
    _draw_calls(cell, message, has_ended=has_ended)
    if message.answers and (error := message.answers[-1].error) is not None:
        draw_error(error)


def _diff_base(cell: _Cell) -> Message | None:
    """Return the answer that this one is compared with, None for none."""
    tab = cell.tab
    if tab.diff_base in (NO_BASE, cell.column.id):
        return None
    return tab.shown_answers(cell.round_number).get(tab.diff_base)


def _draw_calls(cell: _Cell, message: Message, *, has_ended: bool) -> None:
    tab, column = cell.tab, cell.column
    conversation = tab.session.chat(column.id).conversation
    can_answer = has_ended and not tab.session.pending_count(column.id)
    transcript.draw_tool_calls(
        message,
        [other for other in conversation.messages if other.parent],
        (lambda results: tab.answer_calls(column.id, message, results)) if can_answer else None,
        runs_sample_tools=tab.panels[column.id].runs_sample_tools,
    )


def _draw_footer(cell: _Cell, answer: Message, messages: tuple[Message, ...]) -> None:
    """Draw the answer's stars, its menu, Retry if it failed, and its statistics."""
    tab, column = cell.tab, cell.column
    runs = tuple(run for message in messages for run in message.answers)
    can_repeat = cell.is_last_round and not cell.pending
    with st.container(horizontal=True, vertical_alignment="center"):
        if answer.content or answer.calls:
            with st.container(width="stretch"):
                rating = tab.comparison.ratings.get(answer.id)
                draw_stars(f"stars-{answer.id}", rating, partial(tab.session.rate, answer.id))
        if not tab.is_hidden and tab.mode.has_controls:
            # In a narrow cell both stand below the stars.
            with st.container(
                horizontal=True, wrap=False, gap="xsmall", width="content", key=f"actions-{answer.id}"
            ):
                _draw_menu(tab, column, answer, can_repeat=can_repeat)
    if tab.is_hidden or not tab.mode.has_controls:
        return
    if can_repeat and runs and runs[-1].ending in _FAILED:
        st.button(
            "Retry",
            key=f"again-{answer.id}",
            type="primary",
            icon=":material/refresh:",
            on_click=tab.ask_once_more,
            args=(column.id,),
        )
    if runs:
        st.caption(answer_stats.answer_line(runs), help=answer_stats.exact_cost(runs))


def _draw_menu(tab: ComparisonTab, column: ComparisonColumn, answer: Message, *, can_repeat: bool) -> None:
    key = f"menu-{answer.id}"
    with st.popover("Settings used", type="tertiary", icon=":material/tune:"):
        answer_stats.draw_sent_settings(answer.answers)
    actions = [action for action in AnswerAction if can_repeat or action is not AnswerAction.ASK_ONCE_MORE]
    st.menu_button(
        f"Actions for the answer of column {tab.column_label(column)}",
        actions,
        key=key,
        icon=":material/more_horiz:",
        type="tertiary",
        help="Continue in Chat, save its settings, ask once more",
        on_click=_do_action,
        args=(tab, column.id, answer, key),
    )


def _do_action(tab: ComparisonTab, column: str, answer: Message, key: str) -> None:
    match st.session_state[key]:
        case AnswerAction.CONTINUE_IN_CHAT:
            tab.continue_in_chat(column, answer)
        case AnswerAction.KEEP_AS_PRESET:
            tab.keep_as_preset(column, answer)
        case AnswerAction.ASK_ONCE_MORE:
            tab.ask_once_more(column)


def describe_endings(tab: ComparisonTab) -> str:
    """Return what is read out when the answers to the last input have ended."""
    answers = tab.shown_answers(len(tab.comparison.rounds) - 1).values() if tab.comparison.rounds else ()
    failed = sum(bool(answer.answers) and answer.answers[-1].ending in _FAILED for answer in answers)
    return f"The answers are there{f', {failed} of {len(answers)} failed' if failed else ''}."


def follow_answers(watched: Sequence[WatchedAnswer], meanwhile: Callable[[], None], *, fresh: bool) -> None:
    """Draw running answers in turn, all at the same pace, until one of them ends.

    ``meanwhile`` is called in each round of the loop. A rerun may interrupt it at any point; the next run of the page
    continues. ``fresh``: the browser has just opened the page.
    """
    while watched:
        now = time.monotonic()
        for answer in watched:
            if now < answer.next_drawing:
                continue
            is_running, parts = answer.live.run.read_parts(answer.parts_drawn)
            answer.parts_drawn += len(parts)
            answer.thoughts.draw_new_text()
            answer.text.draw_new_text("".join(parts))
            if not is_running:
                answer.thoughts.finish()
                answer.text.finish()
                return
            answer.next_drawing = now + (SLOW_START_INTERVAL if fresh else answer.text.interval)
        meanwhile()
        time.sleep(_POLL_SECONDS)


def wait_for_hidden_answers(
    tab: ComparisonTab, watched: Sequence[WatchedAnswer], meanwhile: Callable[[], None]
) -> None:
    """If no running answer is drawn because all are hidden, wait until the number of pending answers changes.

    ``meanwhile`` is called in each round of the loop.
    """
    pending = [tab.session.pending_count(id) for id in tab.panels]
    place = st.empty()
    expect_long_run()
    while not watched and any(pending) and pending == [tab.session.pending_count(id) for id in tab.panels]:
        for id in tab.panels:
            _, live = tab.session.chat(id).snapshot()
            if live is not None:
                # A run that nobody reads is ended as an orphan.
                live.run.read_parts(0)
        place.caption(f":shimmer[{sum(pending)} answers still to come]")
        meanwhile()
        time.sleep(0.1)
