"""The thoughts of a model, folded above its answer."""

from __future__ import annotations

import streamlit as st

from lib.chat.answer import Answer
from lib.chat.conversation import Message
from lib.chat.recorded_thoughts import recorded_thoughts
from lib.model.model_record import DEFAULT_MODEL_ID
from lib.ui.chat.chat_tab import ChatTab
from lib.ui.widgets import model_text

_THOUGHTS = "thoughts"  # in the session's state: the thoughts of answers by their ids
_MAX_KEPT = 200


def draw_thoughts(tab: ChatTab, message: Message) -> None:
    """Draw the thoughts before an answer, if its model had any."""
    if thoughts := "\n\n".join(filter(None, (_find_thoughts(tab, answer) for answer in message.answers))):
        draw_thoughts_text(thoughts, message.id)


def draw_thoughts_text(thoughts: str, id: str) -> None:
    with st.expander("Thoughts", key=f"thoughts-{id}", type="compact", icon=":material/psychology:"):
        model_text.draw_plain(thoughts, f"thoughts-{id}")


def _find_thoughts(tab: ChatTab, answer: Answer) -> str:
    """Return the thoughts that an answer's trace recorded. The default model has none, so its traces are not read."""
    if answer.trace is None and answer.request.model == DEFAULT_MODEL_ID:
        return ""
    kept: dict[str, str] = st.session_state.setdefault(_THOUGHTS, {})
    if answer.id not in kept:
        while len(kept) >= _MAX_KEPT:
            kept.pop(next(iter(kept)))
        trace = tab.trace(answer)
        kept[answer.id] = "" if trace is None else recorded_thoughts(trace)
    return kept[answer.id]
