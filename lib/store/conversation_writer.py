"""Writing a conversation: only what is not in the database yet, told apart by the identity of the values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
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
Row = dict[str, Any]


def list_title(conversation: Conversation) -> str:
    """The beginning of what the user said first."""
    asked = (message.content for message in conversation.path() if message.role == "user")
    words = " ".join(next(asked, conversation.system).split())
    return words if len(words) <= MAX_LIST_TITLE_CHARS else words[: MAX_LIST_TITLE_CHARS - 1].rstrip() + "…"


def look(connection: Connection, owner: str, id: str) -> WrittenState | None:
    """What is there of it, by its ids alone. Raises StorageFailed where it is somebody else's."""
    table = tables.conversation
    row = connection.execute(select(table.c.key, table.c.owner).where(table.c.id == id)).one_or_none()
    if row is None:
        return None
    if row.owner != owner:
        raise StorageFailed("This conversation belongs to somebody else.", advice="Start a new one.")
    known = WrittenState(row.key)
    messages, answers, turns = tables.message.c, tables.answer.c, tables.turn.c
    for message in connection.execute(
        select(messages.id, messages.position)
        .where(messages.conversation == row.key)
        .order_by(messages.position)
    ):
        known.messages[message.id] = None
        known.positions[message.id] = message.position
    stored = select(answers.message, func.count().label("rows")).where(answers.conversation == row.key)
    for answer in connection.execute(stored.group_by(answers.message)):
        known.answers[answer.message] = [None] * answer.rows
    known.turns.update(connection.scalars(select(turns.id).where(turns.conversation == row.key)))
    return known


def create(connection: Connection, snapshot: Snapshot, now: int) -> WrittenState:
    """The conversation's own row, for a start."""
    conversation = snapshot.conversation
    row = {
        "id": conversation.id,
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


def write(connection: Connection, known: WrittenState, snapshot: Snapshot, now: int) -> WrittenState | None:
    """Make the database hold the snapshot. Gives what is known then, None where the conversation was purged."""
    new = WrittenState(known.key, snapshot.conversation, snapshot.settings, snapshot.unfinished)
    if not _write_head(connection, known, snapshot, now):
        return None
    _write_messages(connection, known, new)
    _write_answers(connection, known, new, now)
    return new


def _write_head(connection: Connection, known: WrittenState, snapshot: Snapshot, now: int) -> bool:
    conversation, old = snapshot.conversation, known.conversation
    table = tables.conversation
    mine = and_(table.c.key == known.key, table.c.owner == snapshot.owner)
    if conversation is old and snapshot.settings is known.settings:
        return connection.scalar(select(table.c.key).where(mine)) is not None
    values: Row = {"settings": value_codec.write_settings(snapshot.settings)}
    if conversation is not old:
        title = case(
            (table.c.title_edited, table.c.title),
            else_=bindparam("title", list_title(conversation), tables.AnyText),
        )
        values |= {"title": title, "system": conversation.system, "head": conversation.head}
        values |= {"messages": len(conversation.messages)}
        # To look at another variant, to open it after a restart, or that an answer ends, is no news.
        said = [(one.id, len(one.answers)) for one in conversation.messages]
        live = {one.message_id for one in snapshot.unfinished}
        said = [(id, count + (id in live)) for id, count in said]
        same_system = old is None or old.system == conversation.system
        if said != [(id, len(known.answers.get(id, ()))) for id in known.messages] or not same_system:
            values["updated"] = now
    return connection.execute(update(table).where(mine).values(values)).rowcount == 1


def _write_messages(connection: Connection, known: WrittenState, new: WrittenState) -> None:
    conversation = new.conversation
    assert conversation is not None  # noqa: S101
    new.positions = _positions(conversation, known.positions)
    new.messages = {message.id: message for message in conversation.messages}
    if gone := [{"at": id} for id in known.messages if id not in new.messages]:
        table = tables.message
        mine = and_(table.c.conversation == known.key, table.c.id == bindparam("at"))
        connection.execute(delete(table).where(mine), gone)  # and with them, by cascade, their answers
    _put(
        connection,
        tables.message,
        [
            (
                {"conversation": known.key, "id": message.id},
                {"parent": message.parent, "position": new.positions[message.id]}
                | _said(message_turn(message)),
                message.id in known.messages,
            )
            for message in conversation.messages
            if _differs(message, known, new)
        ],
    )


def _differs(message: Message, known: WrittenState, new: WrittenState) -> bool:
    old = known.messages.get(message.id)
    if known.positions.get(message.id) != new.positions[message.id] or old is None:
        return True
    return old is not message and (message.parent, message_turn(message)) != (old.parent, message_turn(old))


def _said(turn: Turn) -> Row:
    return {
        "role": turn.role,
        "content": turn.content,
        "calls": value_codec.write_calls(turn.calls) or None,
        "call_id": turn.call_id or None,
        "name": turn.name or None,
    }


def _positions(conversation: Conversation, known: dict[str, int]) -> dict[str, int]:
    """Rising numbers in the messages' order; what has one keeps it where that still rises."""
    positions: dict[str, int] = {}
    last = -1
    for message in conversation.messages:
        last = max(last + 1, known.get(message.id, 0))
        positions[message.id] = last
    return positions


def _write_answers(connection: Connection, known: WrittenState, new: WrittenState, now: int) -> None:
    assert new.conversation is not None  # noqa: S101
    new.turns = set(known.turns)
    turns: dict[str, Row] = {}
    rows: list[tuple[Row, Row, bool]] = []
    surplus: list[Row] = []
    traces: dict[str, bytes] = {}
    live = {one.message_id: one for one in new.live}
    for message in new.conversation.messages:
        old = known.answers.get(message.id, [])
        now_there: list[Answer | UnfinishedAnswer | None] = [*message.answers]
        if message.id in live:
            now_there.append(live[message.id])
        if not old and not now_there:
            continue
        new.answers[message.id] = now_there
        for number, answer in enumerate(now_there):
            stored = number < len(old)
            if answer is None or (stored and old[number] is answer):
                continue
            if isinstance(answer, Answer) and answer.trace is not None:
                traces[answer.id] = answer.trace.packed
            id = {"conversation": known.key, "message": message.id, "number": number}
            before = old[number] if stored else None
            if (
                isinstance(answer, UnfinishedAnswer)
                and isinstance(before, UnfinishedAnswer)
                and before.request is answer.request
            ):
                if before.text != answer.text:
                    rows.append((id, _progress(answer), True))
            else:
                request = _write_request(answer.request, known.key, new, turns)
                rows.append((id, _row(answer) | {"request": request, "created": now}, stored))
        surplus += [{"at": message.id, "rest": number} for number in range(len(now_there), len(old))]
    if surplus:
        table = tables.answer
        mine = and_(
            table.c.conversation == known.key,
            table.c.message == bindparam("at"),
            table.c.number == bindparam("rest"),
        )
        connection.execute(delete(table).where(mine), surplus)
    if turns:
        connection.execute(insert(tables.turn), list(turns.values()))
    _put(connection, tables.answer, rows)
    _write_traces(connection, known.key, traces)


def _write_traces(connection: Connection, key: int, traces: dict[str, bytes]) -> None:
    """Those that are not there yet: a copy of an answer shares its trace."""
    if not traces:
        return
    table = tables.trace
    mine = select(table.c.id).where(table.c.conversation == key, table.c.id.in_(traces))
    there = set(connection.scalars(mine))
    fresh = [
        {"conversation": key, "id": id, "packed": packed} for id, packed in traces.items() if id not in there
    ]
    if fresh:
        connection.execute(insert(table), fresh)


def _progress(live: UnfinishedAnswer) -> Row:
    """What changes of an answer while it comes."""
    row = _row(live)
    return {name: row[name] for name in ("text", *answer_columns.USAGE_COLUMNS, "first_token", "total")}


def _row(answer: Answer | UnfinishedAnswer) -> Row:
    live = isinstance(answer, UnfinishedAnswer)
    whole = answer.to_cut_off_answer() if isinstance(answer, UnfinishedAnswer) else answer
    asked = {"model": whole.request.model, "backend": whole.backend, "billed": whole.billed}
    # One that is still coming has no ending yet: without one it is cut off, should its server be killed.
    return answer_columns.answer_to_columns(whole) | asked | ({"ending": None, "error": None} if live else {})


def _write_request(request: Request, key: int, new: WrittenState, turns: dict[str, Row]) -> Row:
    if not isinstance(request.input, Messages):
        return value_codec.write_request(request)
    parent: str | None = None
    for one in request.input.turns:
        id = turn_id(parent, one)
        if id not in new.turns:
            new.turns.add(id)
            turns[id] = {"conversation": key, "id": id, "parent": parent} | _said(one)
        parent = id
    return (
        value_codec.write_request_head(request)
        | value_codec.write_messages_options(request.input)
        | {"turn": parent}
    )


def turn_id(parent: str | None, turn: Turn) -> str:
    """The same for the same turn after the same turns, and for nothing else."""
    known: list[Any] = [parent, turn.role, turn.content]
    if turn.calls or turn.call_id or turn.name:  # without them the id is what it was before there were any
        known += [value_codec.write_calls(turn.calls), turn.call_id, turn.name]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _put(connection: Connection, table: Table, rows: Iterable[tuple[Row, Row, bool]]) -> None:
    """Insert rows, or update those that are there: (which, what, is it there). ``created`` is never updated."""
    fresh: list[Row] = []
    stale: dict[tuple[str, ...], list[Row]] = {}
    for id, values, there in rows:
        if there:
            changed = {name: value for name, value in values.items() if name != "created"}
            named = {f"at_{name}": value for name, value in id.items()}
            stale.setdefault(tuple(sorted(changed)), []).append(named | changed)
        else:
            fresh.append(id | values)
    if fresh:
        connection.execute(insert(table), fresh)
    for names, batch in stale.items():
        which = and_(*(table.c[name[3:]] == bindparam(name) for name in batch[0] if name.startswith("at_")))
        connection.execute(
            update(table).where(which).values({name: bindparam(name) for name in names}), batch
        )
