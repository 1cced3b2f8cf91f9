"""Conversations that tests save into a running app's database, from another process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType

from lib.api.request import Messages, Request
from lib.chat.answer import Answer, Ending, Timings
from lib.chat.conversation import Conversation, Message
from lib.model import model_record
from lib.model.settings import Settings
from lib.model.usage import Usage
from lib.store.store import Store
from lib.ui.shell.visitor_cookie import LOCAL_OWNER
from tests.page.app_process import AppProcess

MODEL = model_record.default_model()


@contextmanager
def open_store(app: AppProcess, now: float | None = None) -> Iterator[Store]:
    """Open the app's database; ``now`` fixes the time of its clock."""
    store = Store(f"sqlite:///{app.database}", time.time if now is None else lambda: now)
    try:
        yield store
    finally:
        store.close()


def save_conversation(store: Store, conversation: Conversation, owner: str = LOCAL_OWNER) -> str:
    """Save the conversation with the documented settings; return its id."""
    store.conversations.save(owner, conversation, Settings.defaults(MODEL))
    return conversation.id


def add_exchange(
    conversation: Conversation,
    question: str,
    text: str,
    usage: Usage,
    backend: str = "Cloudflare",
    *,
    billed: bool = True,
) -> Conversation:
    """Return the conversation with another question and its answer."""
    conversation = conversation.append(Message("user", question, conversation.head))
    # The whole path would be huge.
    messages = Messages(conversation.turns(conversation.head)[-1:])
    answer = Answer(
        text,
        Request(MODEL.id, messages, MappingProxyType({"max_tokens": 256}), True),
        backend,
        billed,
        usage,
        Timings(0.2, 1.0),
        Ending.FINISHED,
    )
    return conversation.append(Message("assistant", text, conversation.head, (answer,)))


def make_conversation(
    count: int, question: str = "question {}", answer: str = "answer {}", usage: Usage | None = None
) -> Conversation:
    """Return a conversation with that many questions and answers."""
    conversation = Conversation()
    for number in range(count):
        conversation = add_exchange(
            conversation, question.format(number), answer.format(number), usage or Usage(10, 20)
        )
    return conversation
