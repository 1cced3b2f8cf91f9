"""The written state: what the database holds of one conversation, as far as this process knows."""

from __future__ import annotations

from dataclasses import dataclass, field

from lib.chat.answer import Answer
from lib.chat.conversation import Conversation, Message
from lib.model.settings import Settings
from lib.store.stored_values import UnfinishedAnswer

AnyAnswer = Answer | UnfinishedAnswer


@dataclass
class WrittenState:
    """The conversation's key and its rows by id, each with the value it was written from or read as.

    A value of None means that the row exists, but its content is not known.
    """

    key: int
    conversation: Conversation | None = None
    settings: Settings | None = None
    messages: dict[str, Message | None] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    answers: dict[str, list[AnyAnswer | None]] = field(default_factory=dict)
    turns: set[str] = field(default_factory=set)
