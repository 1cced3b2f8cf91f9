"""Writes a conversation: only the rows that differ from what the database holds.

Values are immutable, so a value that is the same object as at the last save is unchanged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, case, delete, func, insert, select, update

from lib.api.request import Messages, Request, Turn
from lib.chat.answer import Answer
from lib.chat.conversation import Conversation, Message, message_turn
from lib.errors import StorageFailed
from lib.files import value_codec
from lib.store import answer_columns, tables
from lib.store.stored_values import Snapshot, UnfinishedAnswer
from lib.store.written_state import WrittenState

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


def read_state(connection: Connection, owner: str, id: str) -> WrittenState | None:
    """Return which rows of the conversation exist, None if there are none.

    Raise StorageFailed if the conversation is another owner's.
    """
    table = tables.conversation
    row = connection.execute(select(table.c.key, table.c.owner).where(table.c.id == id)).one_or_none()
    if row is None:
        return None
    if row.owner != owner:
        raise StorageFailed("This conversation belongs to somebody else.", advice="Start a new one.")
    state = WrittenState(row.key)
    messages, answers, turns = tables.message.c, tables.answer.c, tables.turn.c
    for message in connection.execute(
        select(messages.id, messages.position)
        .where(messages.conversation == row.key)
        .order_by(messages.position)
    ):
        state.messages[message.id] = None
        state.positions[message.id] = message.position
    counts = select(answers.message, func.count().label("rows")).where(answers.conversation == row.key)
    for answer in connection.execute(counts.group_by(answers.message)):
        state.answers[answer.message] = [None] * answer.rows
    state.turns.update(connection.scalars(select(turns.id).where(turns.conversation == row.key)))
    return state


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
    result = connection.execute(insert(tables.conversation).values(row))
    (key,) = result.inserted_primary_key or (0,)
    return WrittenState(int(key))


def write(connection: Connection, state: WrittenState, snapshot: Snapshot, now: int) -> WrittenState | None:
    """Make the database hold the snapshot. Return the new state, None if the conversation was purged."""
    new_state = WrittenState(state.key, snapshot.conversation, snapshot.settings)
    if not _write_conversation(connection, state, snapshot, now):
        return None
    _write_messages(connection, state, new_state, snapshot.conversation)
    _write_answers(connection, state, new_state, snapshot, now)
    return new_state


def _write_conversation(connection: Connection, state: WrittenState, snapshot: Snapshot, now: int) -> bool:
    """Update the conversation's own row. Return False if it does not exist any more."""
    conversation = snapshot.conversation
    table = tables.conversation
    own = and_(table.c.key == state.key, table.c.owner == snapshot.owner)
    if conversation is state.conversation and snapshot.settings is state.settings:
        return connection.scalar(select(table.c.key).where(own)) is not None
    values: RowValues = {"settings": value_codec.write_settings(snapshot.settings)}
    if conversation is not state.conversation:
        title = bindparam("title", list_title(conversation), tables.AnyText)
        values |= {
            "title": case((table.c.title_edited, table.c.title), else_=title),
            "system": conversation.system,
            "head": conversation.head,
            "messages": len(conversation.messages),
        }
        if _has_news(state, snapshot):
            values["updated"] = now
    return connection.execute(update(table).where(own).values(values)).rowcount == 1


def _has_news(state: WrittenState, snapshot: Snapshot) -> bool:
    """Return True if messages or answers came or went, or the system prompt changed.

    Not news: opening another variant, opening the conversation after a restart, the end of a running answer.
    """
    conversation = snapshot.conversation
    if state.conversation is not None and state.conversation.system != conversation.system:
        return True
    running = {answer.message_id for answer in snapshot.unfinished}
    counts = [
        (message.id, len(message.answers) + (message.id in running)) for message in conversation.messages
    ]
    return counts != [(id, len(state.answers.get(id, ()))) for id in state.messages]


def _write_messages(
    connection: Connection, state: WrittenState, new_state: WrittenState, conversation: Conversation
) -> None:
    new_state.positions = _positions(conversation, state.positions)
    new_state.messages = {message.id: message for message in conversation.messages}
    if removed := [{"at_id": id} for id in state.messages if id not in new_state.messages]:
        table = tables.message
        row = and_(table.c.conversation == state.key, table.c.id == bindparam("at_id"))
        # Their answers go by cascade.
        connection.execute(delete(table).where(row), removed)
    _write_rows(
        connection,
        tables.message,
        [
            _RowWrite(
                {"conversation": state.key, "id": message.id},
                {"parent": message.parent, "position": new_state.positions[message.id]}
                | _turn_columns(message_turn(message)),
                exists=message.id in state.messages,
            )
            for message in conversation.messages
            if _differs(message, state, new_state)
        ],
    )


def _differs(message: Message, state: WrittenState, new_state: WrittenState) -> bool:
    old = state.messages.get(message.id)
    if old is None or state.positions.get(message.id) != new_state.positions[message.id]:
        return True
    return old is not message and (message.parent, message_turn(message)) != (old.parent, message_turn(old))


def _turn_columns(turn: Turn) -> RowValues:
    return {
        "role": turn.role,
        "content": turn.content,
        "calls": value_codec.write_calls(turn.calls) or None,
        "call_id": turn.call_id or None,
        "name": turn.name or None,
    }


def _positions(conversation: Conversation, stored: dict[str, int]) -> dict[str, int]:
    """Return rising numbers in the order of the messages. A message keeps its stored number if that still rises."""
    positions: dict[str, int] = {}
    last = -1
    for message in conversation.messages:
        last = max(last + 1, stored.get(message.id, 0))
        positions[message.id] = last
    return positions


@dataclass
class _AnswerChanges:
    """The rows to write so that the answers and the turns of their requests are stored."""

    conversation_key: int
    known_turns: set[str]
    now: int
    answers: list[_RowWrite] = field(default_factory=list)
    surplus: list[RowValues] = field(default_factory=list)
    turns: list[RowValues] = field(default_factory=list)
    traces: dict[str, bytes] = field(default_factory=dict)

    def compare(
        self,
        message_id: str,
        stored: list[Answer | UnfinishedAnswer | None],
        current: list[Answer | UnfinishedAnswer],
    ) -> None:
        """Collect the differences between the stored and the current answers of a message."""
        for number, answer in enumerate(current):
            key = {"conversation": self.conversation_key, "message": message_id, "number": number}
            if number < len(stored):
                self._write_if_changed(key, stored[number], answer)
            else:
                self._write_answer(key, answer, exists=False)
        for number in range(len(current), len(stored)):
            self.surplus.append({"at_message": message_id, "at_number": number})

    def _write_if_changed(
        self,
        key: RowValues,
        stored: Answer | UnfinishedAnswer | None,
        answer: Answer | UnfinishedAnswer,
    ) -> None:
        if (
            isinstance(stored, UnfinishedAnswer)
            and isinstance(answer, UnfinishedAnswer)
            and stored.request is answer.request
        ):
            if stored.text != answer.text:
                self.answers.append(_RowWrite(key, _progress_values(answer), exists=True))
        elif stored is not answer:
            self._write_answer(key, answer, exists=True)

    def _write_answer(self, key: RowValues, answer: Answer | UnfinishedAnswer, *, exists: bool) -> None:
        if isinstance(answer, Answer) and answer.trace is not None:
            self.traces[answer.id] = answer.trace.packed
        values = _answer_values(answer) | {
            "request": self._write_request(answer.request),
            "created": self.now,
        }
        self.answers.append(_RowWrite(key, values, exists))

    def _write_request(self, request: Request) -> RowValues:
        """Return the request's JSON with the id of its last turn. Collect the turns that are not stored yet."""
        if not isinstance(request.input, Messages):
            return value_codec.write_request(request)
        parent: str | None = None
        for turn in request.input.turns:
            id = turn_id(parent, turn)
            if id not in self.known_turns:
                self.known_turns.add(id)
                row = {"conversation": self.conversation_key, "id": id, "parent": parent}
                self.turns.append(row | _turn_columns(turn))
            parent = id
        return value_codec.write_request_by_turn(request, request.input, parent)


def _write_answers(
    connection: Connection, state: WrittenState, new_state: WrittenState, snapshot: Snapshot, now: int
) -> None:
    new_state.turns = set(state.turns)
    changes = _AnswerChanges(state.key, new_state.turns, now)
    unfinished = {answer.message_id: answer for answer in snapshot.unfinished}
    for message in snapshot.conversation.messages:
        stored = state.answers.get(message.id, [])
        current: list[Answer | UnfinishedAnswer] = [*message.answers]
        if message.id in unfinished:
            current.append(unfinished[message.id])
        if stored or current:
            new_state.answers[message.id] = [*current]
            changes.compare(message.id, stored, current)
    if changes.surplus:
        table = tables.answer
        row = and_(
            table.c.conversation == state.key,
            table.c.message == bindparam("at_message"),
            table.c.number == bindparam("at_number"),
        )
        connection.execute(delete(table).where(row), changes.surplus)
    if changes.turns:
        connection.execute(insert(tables.turn), changes.turns)
    _write_rows(connection, tables.answer, changes.answers)
    _write_traces(connection, state.key, changes.traces)


def _answer_values(answer: Answer | UnfinishedAnswer) -> RowValues:
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


def _write_traces(connection: Connection, key: int, traces: dict[str, bytes]) -> None:
    """Insert the traces that are not stored yet. A copy of an answer shares its trace."""
    if not traces:
        return
    table = tables.trace
    stored = set(
        connection.scalars(select(table.c.id).where(table.c.conversation == key, table.c.id.in_(traces)))
    )
    rows = [
        {"conversation": key, "id": id, "packed": packed} for id, packed in traces.items() if id not in stored
    ]
    if rows:
        connection.execute(insert(table), rows)


def turn_id(parent: str | None, turn: Turn) -> str:
    """Return a hash of the turn and of all turns before it."""
    content = [
        parent,
        turn.role,
        turn.content,
        value_codec.write_calls(turn.calls),
        turn.call_id,
        turn.name,
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _write_rows(connection: Connection, table: Table, rows: Iterable[_RowWrite]) -> None:
    """Insert or update rows. ``created`` is never updated."""
    new: list[RowValues] = []
    # By the names of the columns to set: rows with the same columns go in one statement.
    changed: dict[tuple[str, ...], list[RowValues]] = {}
    for row in rows:
        if row.exists:
            values = {name: value for name, value in row.values.items() if name != "created"}
            key = {f"at_{name}": value for name, value in row.key.items()}
            changed.setdefault(tuple(sorted(values)), []).append(key | values)
        else:
            new.append(row.key | row.values)
    if new:
        connection.execute(insert(table), new)
    for names, batch in changed.items():
        key_names = [name for name in batch[0] if name.startswith("at_")]
        is_row = and_(*(table.c[name.removeprefix("at_")] == bindparam(name) for name in key_names))
        connection.execute(
            update(table).where(is_row).values({name: bindparam(name) for name in names}), batch
        )
