"""Message and Conversation as values: a tree of messages with one path of it open."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lib.answer import Answer
from lib.request import Messages, Turn


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Message:
    """One message. ``answers`` are the runs that made its text: more than one where it was continued."""

    role: str
    content: str
    parent: str | None = None
    answers: tuple[Answer, ...] = ()
    id: str = field(default_factory=_new_id)


@dataclass(frozen=True)
class Conversation:
    """A tree of messages; ``head`` is the last message of the path that is open."""

    system: str = ""
    messages: tuple[Message, ...] = ()
    head: str | None = None
    id: str = field(default_factory=_new_id)

    def message(self, id: str) -> Message:
        """The message of that id. Raises KeyError."""
        for message in self.messages:
            if message.id == id:
                return message
        raise KeyError(id)

    def path(self) -> tuple[Message, ...]:
        """The open messages, first to last."""
        by_id = {message.id: message for message in self.messages}
        path: list[Message] = []
        at = self.head
        while at is not None:
            path.append(by_id[at])
            at = by_id[at].parent
        return tuple(reversed(path))

    def variants(self, message: Message) -> tuple[Message, ...]:
        """The messages that stand at the same place, that one among them, oldest first."""
        return tuple(other for other in self.messages if other.parent == message.parent)

    def append(self, message: Message) -> Conversation:
        """The same with a message added under its parent, and open."""
        return replace(self, messages=(*self.messages, message), head=message.id)

    def put(self, message: Message) -> Conversation:
        """The same with the message of that id replaced."""
        return replace(
            self, messages=tuple(message if old.id == message.id else old for old in self.messages)
        )

    def open(self, id: str) -> Conversation:
        """The same with the path through that message open, down to its newest descendant."""
        head = self.message(id).id
        line = {head}
        for message in self.messages:  # children stand after their parents: they were added later
            if message.parent in line:
                line.add(message.id)
                head = message.id
        return replace(self, head=head)

    def turns(self, upto: str | None) -> Messages:
        """What is sent for an answer under that message: the system prompt and the path down to it."""
        return Messages(tuple(self._turns(upto)))

    def _turns(self, upto: str | None) -> Iterator[Turn]:
        if self.system.strip():
            yield Turn("system", self.system)
        for message in replace(self, head=upto).path():
            if message.content:  # an answer that failed before its first text has nothing to send
                yield Turn(message.role, message.content)
