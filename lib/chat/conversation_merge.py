"""Merges two versions of a conversation that two servers on one database changed at the same time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from lib.chat.answer import Answer, Ending
from lib.chat.conversation import Conversation, Message
from lib.errors import HeldElsewhere


def merge_conversations(
    ours: Conversation,
    theirs: Conversation,
    base: Conversation | None,
    live: Mapping[str, Message] | None = None,
) -> Conversation:
    """Return the messages of both, with the open path and the system prompt of ``ours``.

    No text and no answer of either is lost.

    ``base`` is the version that ours was made from, None if it is not known. A message is left out only if a user
    deleted it here or there and the other version has no more of it. ``live`` holds, by id, messages whose answer is
    still coming here, as they would be if it ended now. If nothing came from there, ``ours`` itself is returned.
    """
    return _Merge(ours, theirs, base, live or {}).merge()


def is_made_from(conversation: Conversation, base: Conversation) -> bool:
    """Return True if the conversation has, or a user deleted, everything that ``base`` has."""
    known = {message.id: message for message in (*conversation.deleted, *conversation.messages)}
    return all(message.id in known and includes(known[message.id], message) for message in base.messages)


def newest_change(ours: Conversation, merged: Conversation) -> str | None:
    """Return the id of the last message that ``ours`` lacks, or lacks a part of; the head if messages are gone."""
    own = {message.id: message for message in ours.messages}
    is_smaller = bool(own.keys() - {message.id for message in merged.messages})
    return next(
        (
            message.id
            for message in reversed(merged.messages)
            if message.id not in own or not includes(own[message.id], message)
        ),
        merged.head if is_smaller else None,
    )


def includes(message: Message, other: Message) -> bool:
    """Return True if ``message`` has all of the other's text, answers and calls: the other may be dropped."""
    if message is other:
        return True
    answers = {answer.id: answer for answer in message.answers}
    return (
        (message.role, message.call_id, message.name) == (other.role, other.call_id, other.name)
        and message.content.startswith(other.content)
        and (message.calls == other.calls or not other.calls or bool(other.answers))
        and all(
            answer.id in answers and _includes_answer(answers[answer.id], answer) for answer in other.answers
        )
    )


def _includes_answer(answer: Answer, other: Answer) -> bool:
    # Both are the same answer. One that is cut off may be an early copy of one that went on in another server.
    is_early = answer.ending is Ending.CUT_OFF and other.ending is not Ending.CUT_OFF
    is_view = isinstance(answer.error, HeldElsewhere) and not isinstance(other.error, HeldElsewhere)
    return answer.text.startswith(other.text) and not is_early and not is_view


class _Merge:
    """A merge: ``_merged`` collects the messages by id, first theirs and then ours."""

    def __init__(
        self,
        ours: Conversation,
        theirs: Conversation,
        base: Conversation | None,
        live: Mapping[str, Message],
    ) -> None:
        self._conversation = ours
        self._other = theirs
        self._ours = {message.id: message for message in ours.messages}
        self._theirs = {message.id: message for message in theirs.messages}
        self._base = {message.id: message for message in base.messages} if base else {}
        self._deleted = {message.id: message for message in ours.deleted}
        self._live = live
        self._merged: dict[str, Message] = {}
        # The ids of copies by the ids of their originals: of theirs, and of ours that were copied there.
        self._copies: dict[str, str] = {}
        self._own_copies: dict[str, str] = {}

    def merge(self) -> Conversation:
        ours = self._conversation
        for message in self._other.messages:
            self._add(message)
        for message in ours.messages:
            if message.id not in self._theirs and not self._was_deleted_elsewhere(message):
                self._merged.setdefault(message.id, message)
        self._merged = {
            id: message
            if message.parent == (parent := self._parent(message))
            else replace(message, parent=parent)
            for id, message in self._merged.items()
        }
        merged = replace(
            ours,
            messages=self._in_order(),
            head=self._existing(self._own_copies.get(ours.head or "", ours.head)),
        )
        merged = self._with_continuation(merged)
        is_same = all(self._ours.get(message.id) is message for message in merged.messages)
        return ours if is_same and len(merged.messages) == len(ours.messages) else merged

    def _add(self, message: Message) -> None:
        """Add a message of theirs. If both have changed it, theirs becomes a copy beside ours."""
        id = message.id
        own = self._merged.get(id) or self._ours.get(id)
        if own is None:
            if id not in self._deleted or not includes(self._deleted[id], message):
                self._merged[id] = message
        elif includes(self._live.get(id, own), message):
            self._merged[id] = own
        elif id not in self._live and (includes(message, own) or self._is_copied_there(own)):
            self._merged[id] = message
        else:
            self._merged[id] = own
            self._copies[id] = _copy_id(message)
            self._add(replace(message, id=self._copies[id]))

    def _is_copied_there(self, own: Message) -> bool:
        """Return True if their merge has made a copy of this version already: then theirs keeps the id."""
        copy = self._theirs.get(_copy_id(own))
        if copy is None or not includes(copy, own):
            return False
        self._own_copies[own.id] = copy.id
        return True

    def _was_deleted_elsewhere(self, message: Message) -> bool:
        """Return True if the message was stored, has not changed here since, and is gone."""
        old = self._base.get(message.id)
        return old is not None and message.id not in self._live and includes(old, message)

    def _parent(self, message: Message) -> str | None:
        """Return the parent that was changed last, and follow a copy to what it is a copy of."""
        own, theirs, base = (messages.get(message.id) for messages in (self._ours, self._theirs, self._base))
        if own is None:
            parent = message.parent
            # What follows theirs follows the copy.
            parent = parent if parent is None else self._copies.get(parent, parent)
        elif theirs is not None and base is not None and own.parent == base.parent:
            parent = theirs.parent
        else:
            parent = own.parent
            if theirs is None and parent is not None:
                parent = self._own_copies.get(parent, parent)
        return self._existing(parent)

    def _existing(self, id: str | None) -> str | None:
        """Return the message, or its next ancestor that was not deleted."""
        while id is not None and id not in self._merged:
            message = self._ours.get(id) or self._theirs[id]
            id = message.parent
        return id

    def _in_order(self) -> tuple[Message, ...]:
        """Return the merged messages, parents before their children."""
        ordered: dict[str, Message] = {}
        for message in self._merged.values():
            line: list[Message] = []
            id: str | None = message.id
            while id is not None and id not in ordered:
                line.append(self._merged[id])
                id = self._merged[id].parent
            ordered.update((ancestor.id, ancestor) for ancestor in reversed(line))
        return tuple(ordered.values())

    def _with_continuation(self, merged: Conversation) -> Conversation:
        """Open what was added elsewhere after the open path, if nothing was added to that path here."""
        head = merged.head
        if head is None or head in self._live:
            return merged
        if head != self._conversation.head or any(message.parent == head for message in self._ours.values()):
            return merged
        return merged.open_message(head)


def _copy_id(message: Message) -> str:
    """Return the same id for every copy of that version of a message, so that a copy is made once."""
    text = " ".join([message.id, *(answer.id for answer in message.answers)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]
