"""What went over the wire for an answer, from memory or from the database."""

from __future__ import annotations

from lib.api.trace import Trace
from lib.chat.answer import Answer
from lib.errors import PaddockError
from lib.ui.shell.registry import registry


def find_trace(owner: str, conversation_id: str, answer: Answer) -> Trace | None:
    """Return the trace of a conversation's answer, None if neither memory nor the database has it."""
    if answer.trace is not None:
        return answer.trace
    try:
        return registry().store.conversations.load_trace(owner, conversation_id, answer.id)
    except PaddockError:
        return None
