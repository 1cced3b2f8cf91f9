"""The replay of an answer on the Chat page: its controls, its mark, and the drawing of its text."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lib.chat.conversation import Message
from lib.chat.replay import Replay, record_message
from lib.ui.answer.streaming_text import StreamingText
from lib.ui.chat.chat_tab import REPLAY, ChatTab


@dataclass(frozen=True)
class ReplayedMessage:
    """The message of a chat that is replayed."""

    chat_id: str
    message: Message
    replay: Replay


def start_replay(tab: ChatTab, message: Message) -> None:
    """Replay a message from its beginning."""
    if (recording := record_message(message, tab.trace)) is not None:
        st.session_state[REPLAY] = ReplayedMessage(tab.chat.id, message, Replay(recording))


def stop_replay() -> None:
    st.session_state.pop(REPLAY, None)


def current_replay(tab: ChatTab) -> ReplayedMessage | None:
    """Return what is replayed. Ends the replay of a message that is no longer shown, or while an answer comes."""
    replayed: ReplayedMessage | None = st.session_state.get(REPLAY)
    if replayed is None:
        return None
    conversation, live = tab.chat.snapshot()
    if live is not None or replayed.message not in conversation.path():
        stop_replay()
        return None
    return replayed


def draw_replay_controls(place: DeltaGenerator, replay: Replay, *, takes_escape: bool) -> None:
    """Draw the buttons that pause and end the replay. ``takes_escape``: that key ends it."""
    with place.container(horizontal=True, vertical_alignment="center", gap="small", key="replay"):
        st.button(
            "Play" if replay.is_paused else "Pause",
            key="replay-pause",
            icon=":material/play_arrow:" if replay.is_paused else ":material/pause:",
            on_click=replay.resume if replay.is_paused else replay.pause,
        )
        st.button(
            "End the replay",
            key="replay-stop",
            icon=":material/stop_circle:",
            shortcut="Escape" if takes_escape else None,
            on_click=stop_replay,
        )


def follow_replay(replay: Replay, place: DeltaGenerator) -> None:
    """Draw a replay, marked as one, until it ends or is paused; at its end the page runs again without it.

    A rerun may interrupt this at any point; the next run of the page continues.
    """
    recording = replay.recording
    with place:
        pace = (
            "at the pace at which it came"
            if recording.is_exact
            else f"its pace was not recorded, so its words are spread evenly over its {recording.seconds:.1f} s"
        )
        st.caption(f":material/replay: **Replay** · nothing is sent · {pace}")
        text = StreamingText(replay, recording.text_before, st.container(), f"replay-{id(replay)}")
    for new in replay.follow(text.interval):
        text.draw_new_text(new)
    if not replay.is_running:
        stop_replay()
        st.rerun()
