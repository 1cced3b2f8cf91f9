"""The conversation on the page: its messages, and the answer that is being written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.api.request import Messages, can_continue
from lib.chat.answer import Ending
from lib.chat.chat_session import LiveRun
from lib.chat.conversation import Message, messages_after
from lib.ui.answer import answer_stats, json_answer_view, tool_call_cards
from lib.ui.answer.streaming_text import SLOW_START_INTERVAL, SLOW_START_SECONDS, StreamingText, draw_block
from lib.ui.chat import message_menu
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.widgets.error_box import draw_error
from lib.ui.widgets.safe_markdown import escape_markdown, split_blocks

AVATARS = {"user": ":material/person:", "assistant": ":material/grass:"}
WINDOW, STEP = 20, 10  # messages that are drawn at least; by how many that window moves on
# Endings after which an answer can go on with the settings that it had.
RESUMABLE = (Ending.STOPPED, Ending.CUT_OFF, Ending.ERROR)


def draw_message(tab: ChatTab, message: Message) -> None:
    """A message that is not being written, and what can be done with it."""
    if message_menu.is_being_edited(message):
        message_menu.draw_edit_box(tab, message)
    elif message.role == "assistant":
        draw_content(message)
    else:
        with st.container(horizontal=True, gap="small", wrap=False):
            if _in_a_card(tab, message):
                st.caption("Its result stands in the card above.", width="stretch")
            else:
                st.text(message.content, width="stretch")  # exactly as it was typed
            _draw_line(tab, message)
        message_menu.draw_opened_box(tab, message)
        return
    draw_ending(tab, message)


def draw_content(message: Message) -> None:
    """What the model said: in JSON mode checked, else as Markdown."""
    asked = message.answers[-1].request.response_format if message.answers else None
    if asked is not None and message.content:
        json_answer_view.draw_json_answer(message.content, asked.schema, f"answer-{message.id}")
        return
    for block in split_blocks(message.content):
        draw_block(block, st.empty())


def _in_a_card(tab: ChatTab, message: Message) -> bool:
    """Whether that is the result of a call before it, which shows it."""
    if not message.call_id:
        return False
    path = tab.chat.conversation.path()
    before = path[: [one.id for one in path].index(message.id)]
    return any(call.id == message.call_id for one in before for call in one.calls)


def _draw_calls(tab: ChatTab, message: Message) -> None:
    """Draw the message's tool calls, to be answered if nothing was said after them yet."""
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
    asked = message.answers[-1].request.input if message.answers else None
    tool_call_cards.draw_calls(
        message.calls,
        asked.tools if isinstance(asked, Messages) else (),
        f"calls-{message.id}",
        [results.get(call.id) for call in message.calls],
        on_send,
        runs_sample_tools,
        asked.functions if isinstance(asked, Messages) else (),
    )


def message_frame(role: str, id: str) -> DeltaGenerator:
    """The frame of one message."""
    with st.container(key=f"{role}-{id}"):
        return st.chat_message(role, avatar=AVATARS.get(role, ":material/build:"))


def follow_answer(
    live: LiveRun, place: DeltaGenerator, meanwhile: Callable[[], None], *, fresh: bool
) -> None:
    """Draw a running answer there until it ends; ``meanwhile`` is called each time that there is something to draw.

    Any rerun may cut this off; the next one attaches again. ``fresh``: the browser has just opened the page.
    """
    growing = StreamingText(live, place)
    calm = time.monotonic() + SLOW_START_SECONDS if fresh else 0.0

    def pause() -> float:
        return SLOW_START_INTERVAL if time.monotonic() < calm else growing.interval

    for text in live.run.follow(pause):
        meanwhile()
        growing.draw_new_text(text)
    growing.finish()


def draw_finished_answer(tab: ChatTab, message: Message) -> None:
    """What becomes of a running answer once it has ended: in JSON mode its verdict, then all that stands under it."""
    if message.answers and message.answers[-1].request.response_format is not None:
        draw_content(message)
    draw_ending(tab, message)


def draw_ending(tab: ChatTab, message: Message) -> None:
    """What stands under a message: its tool calls, its error, its figures, its variants, what can be done with it."""
    _draw_calls(tab, message)
    if message.answers and (error := message.answers[-1].error) is not None:
        draw_error(error)
    _draw_line(tab, message)
    message_menu.draw_opened_box(tab, message)


def _draw_line(tab: ChatTab, message: Message) -> None:
    conversation, _ = tab.chat.snapshot()
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        gap="xsmall",
        key=f"figures-{message.id}",
        width="stretch" if message.role == "assistant" else "content",
    ):
        if message.answers:
            st.caption(answer_stats.answer_line(tab.chat.model, message.answers), width="content")
            with st.popover(
                "Sent", type="tertiary", icon=":material/tune:", help="The settings that were really sent"
            ):
                answer_stats.draw_sent_settings(message.answers, tab.chat.model)
        elif message.role not in AVATARS:
            what = f"{message.role} · {escape_markdown(message.name)}" if message.name else message.role
            st.caption(what, width="content")
        _draw_variants(tab, message, conversation.variants(message))
        message_menu.draw_message_menu(tab, message)
        if message.role == "assistant" and message.id == conversation.head:
            _draw_next(tab, message)


def _draw_next(tab: ChatTab, message: Message) -> None:
    """What can be done with the last answer: ask again, or let it go on."""
    final = message.answers[-1] if message.answers else None
    failed = final is not None and final.error is not None
    st.button(
        "Retry" if failed else "Regenerate",
        key=f"again-{message.id}",
        icon=":material/refresh:",
        type="primary" if failed else "tertiary",
        on_click=tab.regenerate,
        args=(message,),
        help="Ask again; this answer stays as a variant",
    )
    goes_on = final is None or can_continue(final.request)
    if (
        final is not None
        and final.ending is Ending.LENGTH
        and (more := tab.raised_limit(message)) is not None
    ):
        words = "go on" if goes_on else "ask again"
        st.button(
            f"Raise to {more:,} and {words}",
            key=f"more-{message.id}",
            icon=":material/trending_flat:",
            on_click=tab.continue_with_limit if goes_on else tab.regenerate_with_limit,
            args=(message, more),
            help="The answer reached max_tokens: raise it and "
            + ("continue where it stopped" if goes_on else "ask again: this one cannot be continued"),
        )
    elif goes_on and message.content and (final is None or final.ending in RESUMABLE):
        st.button(
            "Continue",
            key=f"resume-{message.id}",
            icon=":material/trending_flat:",
            type="tertiary",
            on_click=tab.continue_answer,
            args=(message,),
            help="Let the answer go on where it ended",
        )


def _draw_variants(tab: ChatTab, message: Message, variants: tuple[Message, ...]) -> None:
    """‹ 2/3 › where the same message was answered more than once."""
    if len(variants) > 1:
        ids = [variant.id for variant in variants]
        draw_variant_steps(
            message.id, ids, message.id, len(ids), "Another answer to the same message", tab.open_variant
        )


def draw_variant_steps(
    key: str, ids: Sequence[str], shown: str, of: int, help: str, show: Callable[[str], None]
) -> None:
    """‹ 2/3 › between the messages of these ids; ``of`` counts those that are still to come as well."""
    at = ids.index(shown)
    for step, sign in ((-1, "‹"), (1, "›")):
        if step == 1:
            st.caption(f"{at + 1}/{of}", width="content")
        inside = 0 <= at + step < len(ids)
        st.button(
            sign,
            key=f"variant{step}-{key}",
            type="tertiary",
            disabled=not inside,
            help=help,
            on_click=show,
            args=(ids[at + step] if inside else shown,),
        )
