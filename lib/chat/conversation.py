"""Message and Conversation as values: a tree of messages with one path of it open."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lib.api.request import Turn
from lib.chat.answer import Answer
from lib.model.request_options import ToolCall


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Message:
    """One message. ``answers`` are the runs that made its text: more than one where it was continued.

    ``calls`` are the tools that it calls; a tool's message says with ``call_id`` and ``name`` which call it answers.
    """

    role: str
    content: str
    parent: str | None = None
    answers: tuple[Answer, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    name: str = ""
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

    def replace_message(self, message: Message) -> Conversation:
        """The same with the message of that id replaced."""
        return replace(
            self, messages=tuple(message if old.id == message.id else old for old in self.messages)
        )

    def open_message(self, id: str) -> Conversation:
        """The same with the path through that message open, down to its newest descendant."""
        head = self.message(id).id
        line = {head}
        for message in self.messages:  # children stand after their parents: they were added later
            if message.parent in line:
                line.add(message.id)
                head = message.id
        return replace(self, head=head)

    def edit(self, id: str, content: str) -> Conversation:
        """The same with another text in that place; the old branch stays as a variant.

        What follows on the open path follows the new text too: copies, which share their answers with the old ones.
        """
        path = self.path()
        old = self.message(id)
        edited = reword(old, content)
        return self.append(edited)._with_copies(messages_after(path, id), edited.id)

    def delete(self, id: str) -> Conversation:
        """The same without that message; what followed it follows the one before it."""
        gone = self.message(id)
        messages = tuple(
            replace(message, parent=gone.parent) if message.parent == id else message
            for message in self.messages
            if message.id != id
        )
        return replace(self, messages=messages, head=gone.parent if self.head == id else self.head)

    def insert(self, after: str | None, role: str, content: str) -> Conversation:
        """The same with a message put in after that one (None: before the first); all that followed follows it."""
        new = Message(role, content, after)
        at = next((n for n, message in enumerate(self.messages) if message.id == after), -1) + 1
        messages = [
            replace(message, parent=new.id) if message.parent == after else message
            for message in self.messages
        ]
        messages.insert(at, new)  # a child stands after its parent, and before its own children
        return replace(self, messages=tuple(messages), head=new.id if self.head == after else self.head)

    def branch(self, upto: str) -> Conversation:
        """Another conversation that begins as this one does, down to that message."""
        path = replace(self, head=upto).path()
        return Conversation(self.system)._with_copies(path, None)

    def _with_copies(self, path: tuple[Message, ...], parent: str | None) -> Conversation:
        conversation = self
        for message in path:
            copy = replace(message, parent=parent, id=_new_id())
            conversation, parent = conversation.append(copy), copy.id
        return conversation

    def turns(self, upto: str | None) -> tuple[Turn, ...]:
        """What is sent for an answer under that message: the system prompt and the path down to it."""
        return tuple(self._turns(upto))

    def _turns(self, upto: str | None) -> Iterator[Turn]:
        if self.system.strip():
            yield Turn("system", self.system)
        for message in replace(self, head=upto).path():
            if message.content or message.calls or message.call_id:
                # an answer that failed before its first text has nothing to send
                yield message_turn(message)


def reword(message: Message, content: str) -> Message:
    """Another message for the same place: the same speaker and calls, another text that no run made."""
    return replace(message, content=content, answers=(), id=_new_id())


def message_turn(message: Message) -> Turn:
    """What a message says, as it is sent."""
    return Turn(message.role, message.content, message.calls, message.call_id, message.name)


def messages_after(path: tuple[Message, ...], id: str) -> tuple[Message, ...]:
    """What follows that message on a path, nothing where it does not stand there."""
    ids = [message.id for message in path]
    return path[ids.index(id) + 1 :] if id in ids else ()
