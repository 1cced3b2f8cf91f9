"""Writes a conversation: only the rows that differ from what the database holds.

Values are immutable, so a value that is the same object as at the last save is unchanged.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, case, select

from lib.api.request import Messages, Request, Turn
from lib.chat.answer import Answer, Ending
from lib.chat.conversation import Conversation, Message, message_turn
from lib.chat.snapshot import Snapshot, UnfinishedAnswer, cut_off_error
from lib.errors import HeldElsewhere, StorageFailed
from lib.files import value_codec
from lib.store import answer_columns, tables
from lib.store.conversation_reader import AnyAnswer, WrittenState

MAX_LIST_TITLE_CHARS = 80
RowValues = dict[str, Any]


@dataclass(frozen=True)
class _RowWrite:
    """A row to insert or, if it ``exists``, to update."""

    key: RowValues
    values: RowValues
    exists: bool


def list_title(conversation: Conversation) -> str:
    """Return the beginning of the first user message, or of the system prompt if there is none."""
    user_texts = (message.content for message in conversation.path() if message.role == "user")
    words = " ".join(next(user_texts, conversation.system).split())
    if len(words) <= MAX_LIST_TITLE_CHARS:
        return words
    return words[: MAX_LIST_TITLE_CHARS - 1].rstrip() + "…"


def lock(connection: Connection, owner: str, id: str) -> int | None:
    """Keep other servers from writing the conversation until the transaction ends. Return its version, None if new.

    Raise StorageFailed if the conversation is another owner's.
    """
    table = tables.conversation
    # On SQLite, a transaction that writes has the whole database to itself.
    query = select(table.c.owner, table.c.version).where(table.c.id == id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if row.owner != owner:
        raise StorageFailed("This conversation belongs to somebody else.", advice="Start a new one.")
    return int(row.version)


def create(connection: Connection, snapshot: Snapshot, now: int) -> WrittenState:
    """Insert an empty conversation."""
    row = {
        "id": snapshot.conversation.id,
        "owner": snapshot.owner,
        "title": "",
        "title_edited": False,
        "pinned": False,
        "system": "",
        "settings": [],
        "messages": 0,
        "created": now,
        "updated": now,
    }
    result = connection.execute(tables.conversation.insert().values(row))
    (key,) = result.inserted_primary_key or (0,)
    return WrittenState(int(key))


def write(
    connection: Connection, state: WrittenState, snapshot: Snapshot, now: int, *, restore: bool = False
) -> WrittenState:
    """Make the database hold the snapshot instead of ``state``. Return the new state.

    ``restore`` takes a conversation that gets new messages out of the bin.
    """
    writer = _Writer(connection, state, snapshot, now)
    writer.write_messages()
    writer.write_answers()
    writer.write_conversation(restore=restore)
    return writer.new_state


def find_running(connection: Connection) -> list[tuple[str, str]]:
    """Return the conversation's and the message's id of every answer without an ending."""
    table = tables.conversation
    query = select(table.c.id, tables.answer.c.message).join(
        table, tables.answer.c.conversation == table.c.key
    )
    return [
        (row.id, row.message) for row in connection.execute(query.where(tables.answer.c.ending.is_(None)))
    ]


def cut_off(connection: Connection, id: str, message_id: str) -> str | None:
    """End the running answer of a message. Return the conversation's owner, None if there is no such answer.

    The text of a running answer is only in the answer's row; it goes into the message's row too.
    """
    conversation, message, answer = tables.conversation, tables.message, tables.answer
    query = (
        select(conversation.c.owner, message.c.key, message.c.content, answer.c.conversation, answer.c.number)
        .add_columns(answer.c.text)
        .join(message, message.c.conversation == conversation.c.key)
        .join(answer, and_(answer.c.conversation == conversation.c.key, answer.c.message == message.c.id))
        .where(conversation.c.id == id, message.c.id == message_id, answer.c.ending.is_(None))
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    content = row.content + row.text
    connection.execute(message.update().where(message.c.key == row.key).values(content=content))
    is_its = conversation.c.key == row.conversation
    connection.execute(conversation.update().where(is_its).values(version=conversation.c.version + 1))
    key = {"conversation": row.conversation, "message": message_id, "number": row.number}
    ending = {"ending": Ending.CUT_OFF.name, "error": value_codec.write_error(cut_off_error())}
    _write_rows(connection, answer, [_RowWrite(key, ending, exists=True)])
    return str(row.owner)


def adds_content(state: WrittenState, snapshot: Snapshot) -> bool:
    """Return True if the snapshot has messages or answers that are not in ``state``."""
    return any(
        message.id not in state.messages or count > len(state.answers.get(message.id, ()))
        for message, count in zip(snapshot.conversation.messages, _answer_counts(snapshot), strict=True)
    )


def _answer_counts(snapshot: Snapshot) -> list[int]:
    """Return the number of each message's answers, with the one that is still coming."""
    running = {answer.message_id for answer in snapshot.unfinished}
    return [len(message.answers) + (message.id in running) for message in snapshot.conversation.messages]


class _Writer:
    """Writes one snapshot over the stored ``state``, and collects the ``new_state``."""

    def __init__(self, connection: Connection, state: WrittenState, snapshot: Snapshot, now: int) -> None:
        self.new_state = WrittenState(
            state.key, state.version, snapshot.conversation, snapshot.settings, turns=set(state.turns)
        )
        self._connection = connection
        self._state = state
        self._snapshot = snapshot
        self._conversation = snapshot.conversation
        self._now = now
        self._has_written_rows = False
        writing = {answer.message_id for answer in snapshot.unfinished}
        # Their answers are running on another server, which writes them. A copy of such a message is nobody else's.
        self._left_alone = {
            message.id
            for message in snapshot.conversation.messages
            if message.id not in writing
            and None in state.answers.get(message.id, ())
            and message.answers
            and isinstance(message.answers[-1].error, HeldElsewhere)
        }
        self._answers: list[_RowWrite] = []
        self._turns: list[RowValues] = []
        self._traces: dict[str, bytes] = {}

    def write_conversation(self, *, restore: bool) -> None:
        """Update the conversation's own row and raise its version, if anything of the conversation has changed."""
        table, state = tables.conversation, self._state
        values: RowValues = {}
        if self._snapshot.settings is not state.settings:
            values["settings"] = value_codec.write_settings(self._snapshot.settings)
        if self._conversation is not state.conversation or state.has_running:
            title = bindparam("title", list_title(self._conversation), tables.AnyText)
            values |= {
                "title": case((table.c.title_edited, table.c.title), else_=title),
                "system": self._conversation.system,
                "head": self._conversation.head,
                "messages": len(self._conversation.messages),
            }
            if self._has_news():
                values["updated"] = self._now
        if restore and adds_content(state, self._snapshot):
            values["deleted_at"] = None
        if values or self._has_written_rows:
            # By the clock, so that it rises above those of a copy that was purged, or replaced by a backup, too.
            self.new_state.version = max(state.version + 1, self._now)
            values["version"] = self.new_state.version
            self._connection.execute(table.update().where(table.c.key == state.key).values(values))

    def _has_news(self) -> bool:
        """Return True if messages or answers came or went, or the system prompt changed.

        Not news: opening another variant, opening the conversation after a restart, the end of a running answer.
        """
        state, conversation = self._state, self._conversation
        if state.conversation is not None and state.conversation.system != conversation.system:
            return True
        ids = [message.id for message in conversation.messages]
        counts = list(zip(ids, _answer_counts(self._snapshot), strict=True))
        return counts != [(id, len(state.answers.get(id, ()))) for id in state.messages]

    def write_messages(self) -> None:
        """Insert, update and delete rows of messages."""
        state, new_state = self._state, self.new_state
        new_state.positions = _positions(self._conversation, state.positions)
        new_state.messages = {
            message.id: replace(state.messages[message.id], parent=message.parent)
            if message.id in self._left_alone
            else message
            for message in self._conversation.messages
        }
        # Their answers go by cascade.
        removed = [id for id in state.messages if id not in new_state.messages]
        keys = [{"conversation": state.key, "id": id} for id in removed]
        _delete_rows(self._connection, tables.message, keys)
        rows = []
        for message in self._conversation.messages:
            if self._differs(message):
                values = {"parent": message.parent, "position": new_state.positions[message.id]}
                if message.id not in self._left_alone:
                    values |= _turn_columns(message_turn(message))
                key = {"conversation": state.key, "id": message.id}
                rows.append(_RowWrite(key, values, exists=message.id in state.messages))
        _write_rows(self._connection, tables.message, rows)
        self._has_written_rows = bool(keys or rows)

    def _differs(self, message: Message) -> bool:
        old = self._state.messages.get(message.id)
        if old is None or self._state.positions.get(message.id) != self.new_state.positions[message.id]:
            return True
        if old is message:
            return False
        if message.id in self._left_alone:
            return message.parent != old.parent
        return (message.parent, message_turn(message)) != (old.parent, message_turn(old))

    def write_answers(self) -> None:
        """Insert, update and delete rows of answers, with the turns of their requests and their traces."""
        key = self._state.key
        unfinished = {answer.message_id: answer for answer in self._snapshot.unfinished}
        surplus: list[RowValues] = []
        for message in self._conversation.messages:
            stored = self._state.answers.get(message.id, [])
            if message.id in self._left_alone:
                self.new_state.answers[message.id] = stored
                continue
            current: list[AnyAnswer] = [*message.answers]
            if message.id in unfinished:
                current.append(unfinished[message.id])
            if current:
                self.new_state.answers[message.id] = [*current]
            for number, answer in enumerate(current):
                row_key = {"conversation": key, "message": message.id, "number": number}
                if number >= len(stored):
                    self._add_answer(row_key, answer, exists=False)
                elif stored[number] is not answer and stored[number] != answer:
                    self._add_changed_answer(row_key, stored[number], answer)
            for number in range(len(current), len(stored)):
                surplus.append({"conversation": key, "message": message.id, "number": number})
        _delete_rows(self._connection, tables.answer, surplus)
        if self._turns:
            self._connection.execute(tables.turn.insert(), self._turns)
        _write_rows(self._connection, tables.answer, self._answers)
        self._has_written_rows = self._has_written_rows or bool(surplus or self._answers)
        self._write_traces()

    def _add_changed_answer(self, key: RowValues, stored: AnyAnswer | None, answer: AnyAnswer) -> None:
        match stored, answer:
            case UnfinishedAnswer(), UnfinishedAnswer() if stored.request is answer.request:
                if stored.text != answer.text:
                    self._answers.append(_RowWrite(key, _progress_values(answer), exists=True))
            case _:
                self._add_answer(key, answer, exists=True)

    def _add_answer(self, key: RowValues, answer: AnyAnswer, *, exists: bool) -> None:
        if isinstance(answer, Answer) and answer.trace is not None:
            self._traces[answer.id] = answer.trace.packed
        values = _answer_values(answer) | {"request": self._write_request(answer.request)}
        if not exists:
            values["created"] = self._now
        self._answers.append(_RowWrite(key, values, exists))

    def _write_request(self, request: Request) -> RowValues:
        """Return the request's JSON with the id of its last turn. Collect the turns that are not stored yet."""
        if not isinstance(request.input, Messages):
            return value_codec.write_request(request)
        parent: str | None = None
        for turn in request.input.turns:
            id = turn_id(parent, turn)
            if id not in self.new_state.turns:
                self.new_state.turns.add(id)
                row = {"conversation": self._state.key, "id": id, "parent": parent}
                self._turns.append(row | _turn_columns(turn))
            parent = id
        return value_codec.write_request_by_turn(request, request.input, parent)

    def _write_traces(self) -> None:
        """Insert the traces that are not stored yet. A copy of an answer shares its trace."""
        if not self._traces:
            return
        key, column = self._state.key, tables.trace.c
        stored = select(column.id).where(column.conversation == key, column.id.in_(self._traces))
        stored_ids = set(self._connection.scalars(stored))
        rows = [
            {"conversation": key, "id": id, "packed": packed}
            for id, packed in self._traces.items()
            if id not in stored_ids
        ]
        if rows:
            self._connection.execute(tables.trace.insert(), rows)


def _turn_columns(turn: Turn) -> RowValues:
    calls = value_codec.write_calls(turn.calls) or None
    return vars(turn) | {"calls": calls, "call_id": turn.call_id or None, "name": turn.name or None}


def _positions(conversation: Conversation, stored: dict[str, int]) -> dict[str, int]:
    """Return rising numbers in the order of the messages. A message keeps its stored number if that still rises."""
    positions: dict[str, int] = {}
    last = -1
    for message in conversation.messages:
        last = max(last + 1, stored.get(message.id, 0))
        positions[message.id] = last
    return positions


def _answer_values(answer: AnyAnswer) -> RowValues:
    if isinstance(answer, Answer):
        columns = answer_columns.answer_to_columns(answer)
    else:
        answer = answer.to_cut_off_answer()
        # A running answer has no ending: without one it counts as cut off, should its server be killed.
        columns = answer_columns.answer_to_columns(answer) | {"ending": None, "error": None}
    return columns | {"model": answer.request.model, "backend": answer.backend, "billed": answer.billed}


def _progress_values(answer: UnfinishedAnswer) -> RowValues:
    """Return the columns that change while an answer comes."""
    values = _answer_values(answer)
    return {name: values[name] for name in ("text", *answer_columns.USAGE_COLUMNS, "first_token", "total")}


def turn_id(parent: str | None, turn: Turn) -> str:
    """Return a hash of the turn and of all turns before it."""
    content = [parent, turn.role, turn.content, value_codec.write_calls(turn.calls), turn.call_id, turn.name]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _delete_rows(connection: Connection, table: Table, keys: list[RowValues]) -> None:
    if keys:
        connection.execute(table.delete().where(_is_row(table, keys[0])), [_key_values(key) for key in keys])


def _write_rows(connection: Connection, table: Table, rows: list[_RowWrite]) -> None:
    new = [row.key | row.values for row in rows if not row.exists]
    # By the names of the columns to set: rows with the same columns go in one statement.
    changed: dict[tuple[str, ...], list[_RowWrite]] = {}
    for row in rows:
        if row.exists:
            changed.setdefault(tuple(sorted(row.values)), []).append(row)
    if new:
        connection.execute(table.insert(), new)
    for names, batch in changed.items():
        values: RowValues = {name: bindparam(name) for name in names}
        change = table.update().where(_is_row(table, batch[0].key)).values(values)
        connection.execute(change, [_key_values(row.key) | row.values for row in batch])


def _is_row(table: Table, key: RowValues) -> ColumnElement[bool]:
    """Select the row whose key is in the parameters ``at_…``: an update's columns have the plain names."""
    return and_(*(table.c[name] == bindparam(f"at_{name}") for name in key))


def _key_values(key: RowValues) -> RowValues:
    return {f"at_{name}": value for name, value in key.items()}
