"""Known: what is in the database of one conversation, as far as this process can tell."""

from __future__ import annotations

from dataclasses import dataclass, field

from lib.chat.answer import Answer
from lib.chat.conversation import Conversation, Message
from lib.model.settings import Settings
from lib.store.stored_values import UnfinishedAnswer


@dataclass
class WrittenState:
    """The rows by their ids, and the values that they were written from or read as; None: there, but unknown."""

    key: int
    conversation: Conversation | None = None
    settings: Settings | None = None
    live: tuple[UnfinishedAnswer, ...] = ()
    messages: dict[str, Message | None] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    answers: dict[str, list[Answer | UnfinishedAnswer | None]] = field(default_factory=dict)
    turns: set[str] = field(default_factory=set)
