"""Reads a conversation back, and puts its requests together again from the table of turns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from lib.api.request import Request, Turn
from lib.api.trace import Trace
from lib.chat.answer import Answer
from lib.chat.conversation import Conversation, Message
from lib.chat.setup_merge import Setup
from lib.chat.snapshot import UnfinishedAnswer
from lib.files import value_codec
from lib.model.settings import Settings
from lib.store import answer_columns, tables
from lib.store.owned_rows import owned_row
from lib.store.stored_values import (
    ConversationEntry,
    SavedConversation,
    answered_elsewhere_error,
)

_TABLE = tables.conversation
AnyAnswer = Answer | UnfinishedAnswer


@dataclass
class WrittenState:
    """The content of a conversation in the database, as far as this process knows.

    That is its key, its version, and its rows by id, each with the value it was written from or read as. An answer of
    None was running when it was read; in ``conversation`` it is cut off, which the database does not say.
    """

    key: int
    version: int = 0
    conversation: Conversation | None = None
    settings: Settings | None = None
    has_running: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    answers: dict[str, list[AnyAnswer | None]] = field(default_factory=dict)
    turns: set[str] = field(default_factory=set)

    @property
    def setup(self) -> Setup | None:
        """The stored system prompt and settings, None if nothing is stored yet."""
        if self.conversation is None or self.settings is None:
            return None
        return Setup(self.conversation.system, self.settings)


def exists(connection: Connection, owner: str, id: str) -> bool:
    """Return True if the owner has a conversation with this id."""
    return connection.scalar(select(_TABLE.c.key).where(owned_row(_TABLE, owner, id))) is not None


def read(
    connection: Connection, owner: str, id: str, held_elsewhere: Collection[str] = ()
) -> tuple[SavedConversation, WrittenState] | None:
    """Return the conversation and its stored state, None if the owner has none with this id.

    ``held_elsewhere`` are the messages whose answers another server is writing.
    """
    row = connection.execute(select(_TABLE).where(owned_row(_TABLE, owner, id))).one_or_none()
    if row is None:
        return None
    turns = _Turns(connection, row.key)
    answers = _read_answers(connection, row.key, turns)
    settings = value_codec.read_settings(row.settings)
    state = WrittenState(row.key, row.version, settings=settings, turns=turns.ids())
    messages: list[Message] = []
    is_answered_elsewhere = False
    table = tables.message
    query = select(table).where(table.c.conversation == row.key).order_by(table.c.position)
    for message_row in connection.execute(query):
        turn = _read_turn(message_row)
        message = Message(turn.role, turn.content, message_row.parent, id=message_row.id)
        message = replace(message, calls=turn.calls, call_id=turn.call_id, name=turn.name)
        state.messages[message.id], state.positions[message.id] = message, message_row.position
        for answer, was_running in answers.get(message.id, ()):
            # The text of a running answer is only in the answer's row; the message's row has the text before it.
            content = message.content + answer.text if was_running else message.content
            if was_running and message.id in held_elsewhere:
                answer, is_answered_elsewhere = replace(answer, error=answered_elsewhere_error()), True
            message = replace(message, content=content, answers=(*message.answers, answer))
            state.answers.setdefault(message.id, []).append(None if was_running else answer)
            state.has_running = state.has_running or was_running
        messages.append(message)
    conversation = Conversation(row.system, tuple(messages), row.head, row.id)
    state.conversation = conversation
    return SavedConversation(conversation, settings, entry(row), is_answered_elsewhere), state


def entry(row: Row[Any]) -> ConversationEntry:
    """Return the list's entry for a row of the conversation table, without usage."""
    return ConversationEntry(
        row.id,
        row.title,
        row.title_edited,
        row.pinned,
        row.messages,
        to_datetime(row.created),
        to_datetime(row.updated),
        None if row.deleted_at is None else to_datetime(row.deleted_at),
    )


def to_datetime(milliseconds: int) -> datetime:
    """Return a stored time as a UTC datetime."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _read_answers(connection: Connection, key: int, turns: _Turns) -> dict[str, list[tuple[Answer, bool]]]:
    """Return the answers by message id, in order; True with those that were running when their server ended."""
    table = tables.answer
    answers: dict[str, list[tuple[Answer, bool]]] = {}
    # An answer under several messages becomes one value again, unless one of them has an early copy of it.
    values: dict[tuple[str, str, str | None], Answer] = {}
    for row in connection.execute(select(table).where(table.c.conversation == key).order_by(table.c.number)):
        version = (row.id, row.text, row.ending)
        if version not in values:
            request = turns.read_request(row.request)
            values[version] = answer_columns.answer_from_row(row, request, row.backend, row.billed)
        answers.setdefault(row.message, []).append((values[version], row.ending is None))
    return answers


def _read_turn(row: Row[Any]) -> Turn:
    return Turn(row.role, row.content, value_codec.read_calls(row.calls), row.call_id or "", row.name or "")


def read_trace(connection: Connection, owner: str, id: str, answer_id: str) -> Trace | None:
    """Return what went over the wire for an answer of the conversation, None if that was not kept."""
    trace = tables.trace
    packed = connection.scalar(
        select(trace.c.packed)
        .join(_TABLE, trace.c.conversation == _TABLE.c.key)
        .where(owned_row(_TABLE, owner, id), trace.c.id == answer_id)
    )
    return None if packed is None else Trace(bytes(packed))


class _Turns:
    """The turns of one conversation's requests. What requests have in common is put together once."""

    def __init__(self, connection: Connection, key: int) -> None:
        table = tables.turn
        rows = connection.execute(select(table).where(table.c.conversation == key))
        self._turns = {row.id: (row.parent, _read_turn(row)) for row in rows}
        self._paths: dict[str, tuple[Turn, ...]] = {}

    def ids(self) -> set[str]:
        return set(self._turns)

    def read_request(self, data: dict[str, Any]) -> Request:
        if "turn" not in data:
            return value_codec.read_request(data)
        return value_codec.read_request(data, value_codec.read_messages(data, self._path_to(data["turn"])))

    def _path_to(self, last: str | None) -> tuple[Turn, ...]:
        """Return all turns up to the last one, in order."""
        reversed_turns: list[Turn] = []
        id = last
        while id is not None and id not in self._paths:
            id, turn = self._turns[id]
            reversed_turns.append(turn)
        start = self._paths[id] if id is not None else ()
        path = (*start, *reversed(reversed_turns))
        if last is not None:
            self._paths[last] = path
        return path
