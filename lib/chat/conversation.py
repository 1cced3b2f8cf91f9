"""A conversation as a value: a tree of messages with one open path."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace

from lib.api.request import Turn
from lib.chat.answer import Answer
from lib.model.pricing import estimate_tokens
from lib.model.request_options import ToolCall

_TOKENS_AROUND_MESSAGE = 4  # that the chat template adds, about


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Message:
    """A message of the tree. ``answers`` are the runs that wrote its text, several if it was continued.

    ``calls`` are its tool calls; a tool's message names the call that it answers by ``call_id`` and ``name``.
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
    """A tree of messages; ``head`` is the last message of the open path.

    ``deleted`` are the messages that a user deleted in this process: a save deletes no others. It is not stored.
    """

    system: str = ""
    messages: tuple[Message, ...] = ()
    head: str | None = None
    id: str = field(default_factory=_new_id)
    deleted: tuple[Message, ...] = field(default=(), compare=False, repr=False)

    def message(self, id: str) -> Message:
        """Return the message of that id. Raises KeyError."""
        for message in self.messages:
            if message.id == id:
                return message
        raise KeyError(id)

    def path(self) -> tuple[Message, ...]:
        """Return the messages of the open path, first to last."""
        by_id = {message.id: message for message in self.messages}
        path: list[Message] = []
        id = self.head
        while id is not None:
            path.append(by_id[id])
            id = by_id[id].parent
        return tuple(reversed(path))

    def variants(self, message: Message) -> tuple[Message, ...]:
        """Return all messages in the place of that one, itself included, oldest first."""
        return tuple(other for other in self.messages if other.parent == message.parent)

    def append(self, message: Message) -> Conversation:
        """Add a message under its parent, and open it."""
        return replace(self, messages=(*self.messages, message), head=message.id)

    def replace_message(self, message: Message) -> Conversation:
        messages = tuple(message if old.id == message.id else old for old in self.messages)
        return replace(self, messages=messages)

    def open_message(self, id: str) -> Conversation:
        """Open the path through that message, down to its newest descendant."""
        head = self.message(id).id
        descendants = {head}
        for message in self.messages:  # children come after their parents: they were added later
            if message.parent in descendants:
                descendants.add(message.id)
                head = message.id
        return replace(self, head=head)

    def edit(self, id: str, content: str) -> Conversation:
        """Add another text in that place; the old branch stays as a variant.

        Copies of the messages that follow on the open path follow the new text. They share their answers with the
        old ones.
        """
        path = self.path()
        old = self.message(id)
        edited = reword(old, content)
        return self.append(edited)._append_copies(messages_after(path, id), edited.id)

    def delete(self, id: str) -> Conversation:
        """Remove a message; its children get its parent."""
        deleted = self.message(id)
        messages = tuple(
            replace(message, parent=deleted.parent) if message.parent == id else message
            for message in self.messages
            if message.id != id
        )
        head = deleted.parent if self.head == id else self.head
        return replace(self, messages=messages, head=head, deleted=(*self.deleted, deleted))

    def insert(self, after: str | None, role: str, content: str) -> Conversation:
        """Insert a message after that one (None: before the first); what followed that one follows the new one."""
        new = Message(role, content, after)
        position = next((n for n, message in enumerate(self.messages) if message.id == after), -1) + 1
        messages = [
            replace(message, parent=new.id) if message.parent == after else message
            for message in self.messages
        ]
        messages.insert(position, new)  # after its parent, and before its children
        return replace(self, messages=tuple(messages), head=new.id if self.head == after else self.head)

    def branch(self, upto: str) -> Conversation:
        """Return a new conversation with copies of the messages down to that one."""
        path = replace(self, head=upto).path()
        return Conversation(self.system)._append_copies(path, None)

    def _append_copies(self, path: tuple[Message, ...], parent: str | None) -> Conversation:
        conversation = self
        for message in path:
            copy = replace(message, parent=parent, id=_new_id())
            conversation, parent = conversation.append(copy), copy.id
        return conversation

    def turns(self, upto: str | None) -> tuple[Turn, ...]:
        """Return the turns that are sent for an answer under that message: the system prompt and its path."""
        system = [Turn("system", self.system)] if self.system.strip() else []
        path = replace(self, head=upto).path()
        # An answer that failed before its first text has nothing to send.
        sent = [message for message in path if message.content or message.calls or message.call_id]
        return (*system, *map(message_turn, sent))


def reword(message: Message, content: str) -> Message:
    """Return a new message with that text for the same place, without the answers of the old one."""
    return replace(message, content=content, answers=(), id=_new_id())


def message_turn(message: Message) -> Turn:
    """Return a message as it is sent."""
    return Turn(message.role, message.content, message.calls, message.call_id, message.name)


def messages_after(path: tuple[Message, ...], id: str) -> tuple[Message, ...]:
    """Return the messages after that one on a path, none if it is not on the path."""
    ids = [message.id for message in path]
    return path[ids.index(id) + 1 :] if id in ids else ()


def count_context_tokens(conversation: Conversation) -> tuple[int, bool]:
    """Return the tokens of the open path, and True if that is an estimate.

    The usage of the last answer counts exactly; what came after it is estimated.
    """
    tokens, estimated = 0, False
    after: list[str] = []
    for message in reversed(conversation.path()):
        if message.answers and (usage := message.answers[-1].usage) is not None:
            tokens, estimated = usage.total_tokens, usage.estimated
            break
        after.append(message.content)
    else:
        after.append(conversation.system)
    rest = sum(estimate_tokens(text) + _TOKENS_AROUND_MESSAGE for text in after if text)
    return tokens + rest, estimated or rest > 0


def first_prompt(conversation: Conversation, message: Message, text: str) -> str:
    """Return the prompt before the answer; a request's ``text`` may hold a beginning of the answer too."""
    return text if message.parent is None else conversation.message(message.parent).content
