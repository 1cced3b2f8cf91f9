"""Reading a conversation back: the same values that were written, requests put together again turn by turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select

from lib.api.request import Request, Turn
from lib.api.trace import Trace
from lib.chat.answer import Answer
from lib.chat.conversation import Conversation, Message
from lib.files import value_codec
from lib.store import answer_columns, tables
from lib.store.stored_values import ConversationEntry, SavedConversation
from lib.store.written_state import WrittenState


def of(owner: str, id: str) -> ColumnElement[bool]:
    """The conversation of that id, if it is that owner's. Any text will do: an id may come from an address."""
    table = tables.conversation
    return and_(table.c.id == tables.escape_text(id), table.c.owner == owner)


def owned(connection: Connection, owner: str, id: str) -> bool:
    """Whether that owner has a conversation of that id."""
    return connection.scalar(select(tables.conversation.c.key).where(of(owner, id))) is not None


def read(connection: Connection, owner: str, id: str) -> tuple[SavedConversation, WrittenState] | None:
    """The conversation and what is known of it then; None where that owner has none of that id."""
    row = connection.execute(select(tables.conversation).where(of(owner, id))).one_or_none()
    if row is None:
        return None
    turns = _Turns(connection, row.key)
    answers = _answers(connection, row.key, turns)
    settings = value_codec.read_settings(row.settings)
    known = WrittenState(row.key, settings=settings, turns=turns.ids())
    messages: list[Message] = []
    table, cut_off = tables.message, False
    for one in connection.execute(
        select(table).where(table.c.conversation == row.key).order_by(table.c.position)
    ):
        turn = _turn(one)
        message = Message(
            turn.role, turn.content, one.parent, (), turn.calls, turn.call_id, turn.name, id=one.id
        )
        known.messages[one.id], known.positions[one.id] = message, one.position
        for answer, cut in answers.get(one.id, ()):
            # While it comes, an answer's text stands with the answer alone: the message has what was there before.
            content = message.content + answer.text if cut else message.content
            message = replace(message, content=content, answers=(*message.answers, answer))
            known.answers.setdefault(one.id, []).append(None if cut else answer)
            cut_off = cut_off or cut
        messages.append(message)
    conversation = Conversation(row.system, tuple(messages), row.head, row.id)
    if not cut_off:  # else it is not yet in the database as it is here
        known.conversation = conversation
    return SavedConversation(conversation, settings, entry(row)), known


def entry(row: Row[Any]) -> ConversationEntry:
    """A conversation's own row as a list shows it."""
    return ConversationEntry(
        row.id,
        row.title,
        row.title_edited,
        row.pinned,
        row.messages,
        moment(row.created),
        moment(row.updated),
        None if row.deleted_at is None else moment(row.deleted_at),
    )


def moment(milliseconds: int) -> datetime:
    """A stored time."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _answers(connection: Connection, key: int, turns: _Turns) -> dict[str, list[tuple[Answer, bool]]]:
    """By message, in order: each answer, and whether it was running when its server ended."""
    table = tables.answer
    answers: dict[str, list[tuple[Answer, bool]]] = {}
    known: dict[str, Answer] = {}  # one that stands under several messages is one value again
    for row in connection.execute(select(table).where(table.c.conversation == key).order_by(table.c.number)):
        answer = known.get(row.id) or answer_columns.answer_from_row(
            row, turns.request(row.request), row.backend, row.billed
        )
        known[row.id] = answer
        answers.setdefault(row.message, []).append((answer, row.ending is None))
    return answers


def _turn(row: Row[Any]) -> Turn:
    return Turn(row.role, row.content, value_codec.read_calls(row.calls), row.call_id or "", row.name or "")


def trace(connection: Connection, owner: str, id: str, answer: str) -> Trace | None:
    """What went over the wire for one of the conversation's answers, None where that was not kept."""
    joined = tables.trace.join(tables.conversation, tables.trace.c.conversation == tables.conversation.c.key)
    packed = connection.scalar(
        select(tables.trace.c.packed).select_from(joined).where(of(owner, id), tables.trace.c.id == answer)
    )
    return None if packed is None else Trace(bytes(packed))


class _Turns:
    """The turns of one conversation's requests. What two inputs have in common is put together once."""

    def __init__(self, connection: Connection, key: int) -> None:
        table = tables.turn
        rows = connection.execute(select(table).where(table.c.conversation == key))
        self._turns = {row.id: (row.parent, _turn(row)) for row in rows}
        self._inputs: dict[str, tuple[Turn, ...]] = {}

    def ids(self) -> set[str]:
        """All that are there."""
        return set(self._turns)

    def request(self, data: dict[str, Any]) -> Request:
        """The request that was written, with its input."""
        if "turn" not in data:
            return value_codec.read_request(data)
        return value_codec.read_request(data, value_codec.read_messages(data, self._upto(data["turn"])))

    def _upto(self, last: str | None) -> tuple[Turn, ...]:
        below: list[Turn] = []
        at = last
        while at is not None and at not in self._inputs:
            at, turn = self._turns[at]
            below.append(turn)
        before = self._inputs[at] if at is not None else ()
        whole = (*before, *reversed(below))
        if last is not None:
            self._inputs[last] = whole
        return whole
