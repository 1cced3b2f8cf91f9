"""The messages of a conversation, and the answer that is streaming."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.api.request import can_continue
from lib.chat.answer import Ending
from lib.chat.chat_session import ChatSession, LiveRun
from lib.chat.conversation import Conversation, Message, messages_after
from lib.ui.answer import answer_stats, json_answer_view, thoughts, tool_call_cards
from lib.ui.answer.streaming_text import SLOW_START_INTERVAL, StreamingText
from lib.ui.chat import message_menu
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.shell.registry import ELSEWHERE_SECONDS, registry
from lib.ui.widgets.auto_refresh import refresh_after
from lib.ui.widgets.click_notice import notice_click
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.model_text import draw_text
from lib.ui.widgets.safe_markdown import escape_markdown

AVATARS = {"user": ":material/person:", "assistant": ":material/grass:"}
# The last WINDOW messages are drawn, and up to STEP more: the window moves on by STEP messages at once.
WINDOW, STEP = 20, 10
# Endings after which an answer can be continued with the same settings.
RESUMABLE = (Ending.STOPPED, Ending.CUT_OFF, Ending.ERROR)
# What is read out while an answer is being written.
BEGUN = "The model is answering."

# Seconds. The rest of the page keeps the browser busy: it is drawn when the browser shows the question and what the
# answer begins with, or so long after the send.
_PATIENCE = 0.5

T = TypeVar("T")


def draw_message(tab: ChatTab, message: Message) -> None:
    """Draw a message that is not streaming, with its menu."""
    if tab.mode.has_controls and message_menu.is_being_edited(message):
        message_menu.draw_edit_box(tab, message)
    elif message.role == "assistant":
        thoughts.draw_thoughts(message, tab.trace)
        draw_content(message)
    else:
        with st.container(horizontal=True, gap="small", wrap=False, key=f"message-row-{message.id}"):
            if _is_shown_in_card(tab, message):
                st.caption("The result is in the card above.", width="stretch")
            else:
                st.text(message.content, width="stretch")
            _draw_footer(tab, message)
        _draw_opened_box(tab, message)
        return
    draw_ending(tab, message)


def draw_content(message: Message) -> None:
    """Draw the text of an answer: in JSON mode with its verdict, else as Markdown."""
    format = message.answers[-1].request.response_format if message.answers else None
    if format is not None and message.content:
        json_answer_view.draw_json_answer(message.content, format.schema, f"answer-{message.id}")
        return
    # Not without a text, such as before an error: there would be a gap.
    if message.content:
        draw_text(message.content, message.id)


def _is_shown_in_card(tab: ChatTab, message: Message) -> bool:
    """Return True if the message is the result of an earlier tool call, whose card shows it."""
    if not message.call_id:
        return False
    path = tab.chat.conversation.path()
    earlier = path[: [other.id for other in path].index(message.id)]
    return any(call.id == message.call_id for other in earlier for call in other.calls)


def _draw_calls(tab: ChatTab, message: Message) -> None:
    """Draw the message's tool calls, to be answered if no message follows yet."""
    conversation, live = tab.chat.snapshot()
    can_answer = message.id == conversation.head and live is None
    draw_tool_calls(
        message,
        messages_after(conversation.path(), message.id),
        (lambda results: tab.answer_calls(message, results)) if can_answer else None,
        runs_sample_tools=tab.runs_sample_tools,
    )


def draw_tool_calls(
    message: Message,
    later: Iterable[Message],
    on_send: tool_call_cards.OnSend | None,
    *,
    runs_sample_tools: bool,
) -> None:
    """Draw a card for each tool call of a message, with the result that a later message brings, if any.

    ``on_send`` is called with the results, None: they cannot be answered now.
    """
    if not message.calls:
        return
    results = {other.call_id: other.content for other in later if other.call_id}
    tool_call_cards.draw_calls(
        message.calls,
        message.answers[-1].request.input if message.answers else None,
        f"calls-{message.id}",
        [results.get(call.id) for call in message.calls],
        on_send,
        auto=runs_sample_tools,
    )


def message_frame(role: str, id: str) -> DeltaGenerator:
    with st.container(key=f"{role}-{id}"):
        return st.chat_message(role, avatar=AVATARS.get(role, ":material/build:"))


class LiveAnswer:
    """A running answer, drawn in the container ``place``. A rerun may interrupt this; the next run continues."""

    def __init__(self, live: LiveRun, place: DeltaGenerator) -> None:
        self._run = live.run
        self._thoughts = thoughts.LiveThoughts(live.run, place, live.message_id)
        self._streaming = StreamingText(live.run, live.text_before, place, live.message_id)
        self._count = 0  # of the parts that are drawn

    def draw_new_text(self) -> None:
        """Draw the text that is there, without waiting for more."""
        _, new = self._run.read_parts(self._count)
        self._count += len(new)
        self._thoughts.draw_new_text()
        if new:
            self._streaming.draw_new_text("".join(new))

    def wait_until_shown(self) -> None:
        """Wait until the browser shows what was drawn. Return at once if the answer is not new."""
        while self._run.is_running and self._run.seconds < _PATIENCE and not self._streaming.is_shown:
            self.draw_new_text()
            notice_click()
            time.sleep(0.01)

    def follow(self, update: Callable[[], None], *, fresh: bool) -> None:
        """Draw the answer until it ends. ``update`` is called before each drawing.

        ``fresh``: the browser has just opened the page.
        """
        interval = SLOW_START_INTERVAL if fresh else self._streaming.interval
        for text in self._run.follow(interval, self._count):
            update()
            self._thoughts.draw_new_text()
            self._streaming.draw_new_text(text)
        self._thoughts.finish()
        self._streaming.finish()


@st.fragment
def follow_answer_elsewhere(tab: ChatTab) -> None:
    """Rerun the page when an answer that another server writes has grown or ended."""
    newest = registry().find_chat(tab.owner, tab.chat.id)
    if newest is not None and _texts(newest) != _texts(tab.chat):
        st.rerun()
    refresh_after("answered-elsewhere", ELSEWHERE_SECONDS)


def _texts(chat: ChatSession) -> tuple[bool, list[str]]:
    return chat.is_answered_elsewhere, [message.content for message in chat.conversation.messages]


def describe_ending(tab: ChatTab, id: str) -> str:
    """Return what is read out when the answer of that message has ended, "" if there is no such answer."""
    message = next((message for message in tab.chat.conversation.messages if message.id == id), None)
    if message is None or not message.answers:
        return ""
    answer = message.answers[-1]
    if answer.error is not None:
        return f"The answer failed: {answer.error.title}. {answer.error.message}"
    return f"The answer is there: {answer.ending.value}."


def draw_finished_answer(tab: ChatTab, message: Message) -> None:
    """Draw what a streaming answer gets once it has ended: in JSON mode its verdict, then what follows its text."""
    if message.answers and message.answers[-1].request.response_format is not None:
        draw_content(message)
    draw_ending(tab, message)


def draw_ending(tab: ChatTab, message: Message) -> None:
    """Draw what follows a message's text: its tool calls, error, statistics, variants and menu."""
    _draw_calls(tab, message)
    if message.answers and (error := message.answers[-1].error) is not None:
        draw_error(error)
    _draw_footer(tab, message)
    _draw_opened_box(tab, message)


def _draw_opened_box(tab: ChatTab, message: Message) -> None:
    if tab.mode.has_controls:
        message_menu.draw_opened_box(tab, message)


def _draw_footer(tab: ChatTab, message: Message) -> None:
    """Draw the figures of a message and the row of its buttons; nothing for an audience."""
    if not tab.mode.has_controls:
        return
    conversation, _ = tab.chat.snapshot()
    with st.container(
        gap="xxsmall",
        key=f"figures-{message.id}",
        width="stretch" if message.role == "assistant" else "content",
    ):
        if message.answers:
            st.caption(
                answer_stats.answer_line(message.answers),
                help=answer_stats.exact_cost(message.answers),
            )
        with st.container(
            horizontal=True,
            vertical_alignment="center",
            gap="xsmall",
            wrap=False,
            key=f"controls-{message.id}",
        ):
            if message.role not in AVATARS and not message.answers:
                label = f"{message.role} · {escape_markdown(message.name)}" if message.name else message.role
                st.caption(label, width="content")
            _draw_controls(tab, message, conversation)


def _draw_controls(tab: ChatTab, message: Message, conversation: Conversation) -> None:
    """Draw the buttons of a message, in a row that is already there."""
    ids = [variant.id for variant in conversation.variants(message)]
    if len(ids) > 1:
        draw_variant_steps(
            message.id, ids, message.id, len(ids), "Another version of this message", tab.open_variant
        )
    if message.role == "assistant" and message.id == conversation.head:
        _draw_next_actions(tab, message)
    if message.answers:
        with st.popover(
            "Settings used",
            type="tertiary",
            icon=":material/tune:",
            key=f"settings-used-{message.id}",
        ):
            answer_stats.draw_sent_settings(message.answers)
    message_menu.draw_message_menu(tab, message)


def _draw_next_actions(tab: ChatTab, message: Message) -> None:
    """Draw the buttons that regenerate or continue the last answer."""
    final = message.answers[-1] if message.answers else None
    has_failed = final is not None and final.error is not None
    st.button(
        "Retry" if has_failed else "Regenerate",
        key=f"again-{message.id}",
        icon=":material/refresh:",
        type="primary" if has_failed else "tertiary",
        on_click=tab.regenerate,
        args=(message,),
        help="Asks again. This answer is kept as another version.",
    )
    can_go_on = final is None or can_continue(final.request)
    if (limit := tab.raised_limit(message)) is not None:
        verb = "continue" if can_go_on else "ask again"
        st.button(
            f"Allow {limit:,} more and {verb}" if can_go_on else f"Allow {limit:,} and {verb}",
            key=f"more-{message.id}",
            icon=":material/trending_flat:",
            on_click=tab.continue_answer if can_go_on else tab.regenerate,
            args=(message, limit),
            help="The answer stopped at your length limit (Max tokens). This raises the limit and "
            + ("continues where it stopped" if can_go_on else "asks again: this answer cannot be continued"),
        )
    elif can_go_on and message.content and (final is None or final.ending in RESUMABLE):
        st.button(
            "Continue",
            key=f"resume-{message.id}",
            icon=":material/trending_flat:",
            type="tertiary",
            on_click=tab.continue_answer,
            args=(message,),
            help="Continues the answer where it ended",
        )


def draw_variant_steps(
    key: str, ids: Sequence[str], shown: str, of: int, help: str, show: Callable[[str], None]
) -> None:
    """Draw ‹ 2/3 › between messages. ``ids`` are theirs; ``of`` also counts messages that are still to come."""
    index = ids.index(shown)
    draw_step_button("‹", f"variant-1-{key}", ids, index - 1, help, show)
    st.caption(f"{index + 1}/{of}", width="content")
    draw_step_button("›", f"variant1-{key}", ids, index + 1, help, show)


def draw_step_button(
    label: str, key: str, items: Sequence[T], index: int, help: str, show: Callable[[T], None], **options: Any
) -> None:
    """Draw a button that shows the item of that index, disabled if there is none. ``options`` are the button's."""
    is_inside = 0 <= index < len(items)
    args = (items[index],) if is_inside else ()
    st.button(label, key, help, show, args, type="tertiary", disabled=not is_inside, **options)
