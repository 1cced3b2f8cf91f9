"""Conversations in the database: saved, loaded, listed, searched, renamed, pinned, and moved to the bin and back."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from lib.api.trace import Trace
from lib.chat.conversation import Conversation
from lib.chat.conversation_merge import is_made_from, merge_conversations
from lib.chat.setup_merge import Setup, merge_setups
from lib.chat.snapshot import Snapshot, UnfinishedAnswer
from lib.compare.comparison_file import ComparisonFile
from lib.errors import HeldElsewhere, StorageFailed
from lib.files.conversation_json import ConversationFile
from lib.model.settings import Settings
from lib.store import conversation_reader, conversation_writer, stored_values, tables
from lib.store.comparison_rows import insert_comparison
from lib.store.conversation_reader import WrittenState
from lib.store.daily_usage import total_usage_by_day, usage_by_conversation
from lib.store.database import Database
from lib.store.full_text_search import matches_search
from lib.store.lease_store import LeaseKey, LeaseKind, LeaseStore

MAX_REMEMBERED = 500  # conversations whose stored state is kept in memory; the state of others is read again

_TABLE = tables.conversation
_IDS_PER_STATEMENT = 500  # databases limit the number of values in one statement


def update_conversations(connection: Connection, owner: str, ids: Iterable[str], **values: Any) -> int:
    """Set columns of the owner's conversations with these ids. Return how many there were."""
    return sum(
        connection.execute(update(_TABLE).where(batch).values(**values)).rowcount
        for batch in _batches(owner, ids)
    )


def _batches(owner: str, ids: Iterable[str]) -> Iterator[ColumnElement[bool]]:
    stored_ids = [tables.escape_text(id) for id in ids]
    for start in range(0, len(stored_ids), _IDS_PER_STATEMENT):
        yield and_(_TABLE.c.owner == owner, _TABLE.c.id.in_(stored_ids[start : start + _IDS_PER_STATEMENT]))


def _merge(
    snapshot: Snapshot,
    stored: stored_values.SavedConversation,
    base: Conversation | None,
    base_setup: Setup | None,
) -> tuple[Snapshot, Setup | None]:
    """Return the snapshot with everything that is stored, and the setup that was replaced, if any."""
    live = {}
    for unfinished in snapshot.unfinished:
        message, answer = (
            snapshot.conversation.message(unfinished.message_id),
            unfinished.to_cut_off_answer(),
        )
        live[message.id] = replace(
            message, content=message.content + answer.text, answers=(*message.answers, answer)
        )
    conversation = merge_conversations(snapshot.conversation, stored.conversation, base, live)
    setup, replaced = merge_setups(
        snapshot.setup,
        stored.setup,
        base_setup,
    )
    if conversation.system != setup.system:
        conversation = replace(conversation, system=setup.system)
    merged = replace(snapshot, conversation=conversation, settings=setup.settings)
    return merged, None if replaced == setup else replaced


def _in_list(
    connection: Connection, owner: str, search: str = "", *, deleted: bool = False
) -> ColumnElement[bool]:
    """Select the owner's conversations in the list or, if ``deleted``, in the bin.

    The columns of a comparison are in neither.
    """
    in_place = _TABLE.c.deleted_at.is_not(None) if deleted else _TABLE.c.deleted_at.is_(None)
    is_column = _TABLE.c.id.in_(select(tables.comparison_column.c.conversation))
    listed = and_(_TABLE.c.owner == owner, in_place, _TABLE.c.messages > 0, ~is_column)
    return and_(listed, matches_search(search, connection.dialect.name)) if search.strip() else listed


class ConversationStore:
    """The conversations of every owner. No method reads or writes those of another owner. Safe from any thread."""

    def __init__(self, database: Database, leases: LeaseStore) -> None:
        self._database = database
        self._leases = leases
        # By owner and id: the database's generation and what it held then.
        self._remembered: OrderedDict[tuple[str, str], tuple[int, WrittenState]] = OrderedDict()
        # By this process: an answer that was still coming then changes nothing about it.
        self._deleted: set[str] = set()
        self._purged: set[str] = set()
        self._lock = threading.Lock()

    def save(
        self,
        owner: str,
        conversation: Conversation,
        settings: Settings,
        unfinished: tuple[UnfinishedAnswer, ...] = (),
    ) -> tuple[Snapshot, Setup | None]:
        """Write what changed since the last save, all or nothing. An empty conversation is not saved.

        Return what is stored now. That is what was given, unless another server changed it since it was loaded or
        saved here: then both are merged, and no message is lost of either. The system prompt and settings that the
        merge replaced are returned too. A lease is held for each answer while it is ``unfinished``, so that no other
        server takes it for a killed server's.
        """
        snapshot = Snapshot(owner, conversation, settings, unfinished)
        running = {LeaseKey(LeaseKind.ANSWER, conversation.id, answer.message_id) for answer in unfinished}
        with self._lock:
            if conversation.id in self._purged:
                return snapshot, None
            held = self._leases.held(LeaseKind.ANSWER, conversation.id)
            for key in running - held:
                # Another server may have gone on with the same message: then both answers are kept.
                with suppress(HeldElsewhere):
                    self._leases.take(key)
            try:
                stored = self._save(snapshot)
            except StorageFailed as error:
                if error.retryable:
                    raise
                # Another server may have stored a new conversation in the same moment: merge with it.
                stored = self._save(snapshot)
            if ended := held - running:
                self._leases.release(*ended)
            return stored

    def _save(self, snapshot: Snapshot) -> tuple[Snapshot, Setup | None]:
        owner, id = snapshot.owner, snapshot.conversation.id
        replaced: Setup | None = None
        with self._database.writing() as connection:
            generation, state = self._remembered.get((owner, id), (0, None))
            # After the database was opened again too, which does not mean that somebody changed it.
            base_setup = state.setup if state else None
            if generation != self._database.generation:
                generation, state = self._database.generation, None
            version = conversation_writer.lock(connection, owner, id)
            if version is None:
                is_empty = not snapshot.conversation.messages and not snapshot.conversation.system.strip()
                # Another server deleted it for good: it comes back only if there is something new.
                is_over = state is not None and not conversation_writer.adds_content(state, snapshot)
                if is_empty or is_over:
                    return snapshot, None
                state = conversation_writer.create(connection, snapshot, self._database.now())
            elif (
                state is None
                or state.conversation is None
                or state.version != version
                or not is_made_from(snapshot.conversation, state.conversation)
            ):
                held_elsewhere = self._leases.held_elsewhere(connection, LeaseKind.ANSWER, id)
                old, stored = state, conversation_reader.read(connection, owner, id, held_elsewhere)
                assert stored is not None  # noqa: S101 (it is locked)
                saved, state = stored
                base = old.conversation if old else None
                snapshot, replaced = _merge(snapshot, saved, base, base_setup)
                # Settings that did not change here stay as another server stored them.
                if snapshot.settings == state.settings:
                    state.settings = snapshot.settings
            # If another server moved it to the bin, nobody would look there for what is new.
            restore = id not in self._deleted
            state = conversation_writer.write(
                connection, state, snapshot, self._database.now(), restore=restore
            )
        self._remember(owner, id, generation, state)
        return snapshot, replaced

    def add_all(self, owner: str, files: Iterable[ConversationFile | ComparisonFile]) -> tuple[int, int]:
        """Save new conversations with their titles and pins, and comparisons with their columns, all or none.

        Return how many conversations and comparisons there are. Empty conversations are not saved. One transaction:
        whatever ends it in the middle, nothing of it is left.
        """
        conversations = comparisons = 0
        with self._database.writing() as connection:
            for file in files:
                match file:
                    case ConversationFile():
                        conversations += self._add(connection, owner, file)
                    case ComparisonFile(comparison, columns):
                        for column in columns:
                            self._add(connection, owner, column)
                        insert_comparison(connection, owner, comparison, self._database.now())
                        comparisons += 1
        return conversations, comparisons

    def _add(self, connection: Connection, owner: str, file: ConversationFile) -> int:
        conversation = file.conversation
        if not conversation.messages and not conversation.system.strip():
            return 0
        snapshot = Snapshot(owner, conversation, file.settings)
        state = conversation_writer.create(connection, snapshot, self._database.now())
        conversation_writer.write(connection, state, snapshot, self._database.now())
        values: dict[str, Any] = {"pinned": file.pinned}
        if title := " ".join(file.title.split()):
            values |= {"title": title, "title_edited": True}
        return update_conversations(connection, owner, [conversation.id], **values)

    def _remember(
        self, owner: str, id: str, generation: int, state: WrittenState, *, overwrite: bool = True
    ) -> None:
        """Remember the state. Without ``overwrite``, a state of this generation stays: it may be newer."""
        old_generation, _ = self._remembered.get((owner, id), (0, None))
        if overwrite or old_generation < generation:
            self._remembered[owner, id] = (generation, state)
            self._remembered.move_to_end((owner, id))
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)

    def load(self, owner: str, id: str) -> stored_values.SavedConversation | None:
        """Return the conversation, None if the owner has none with this id.

        An answer that was running when its server ended is cut off. So is one that is running on another server, with
        another error: a save here leaves that answer to the other server.
        """
        with self._database.reading() as connection:
            generation = self._database.generation
            held_elsewhere = self._leases.held_elsewhere(connection, LeaseKind.ANSWER, id)
            result = conversation_reader.read(connection, owner, id, held_elsewhere)
        if result is None:
            return None
        saved, state = result
        with self._lock:
            self._remember(owner, id, generation, state, overwrite=False)
        return saved

    def load_trace(self, owner: str, id: str, answer_id: str) -> Trace | None:
        """Return what went over the wire for an answer of the conversation, None if that was not kept."""
        with self._database.reading() as connection:
            return conversation_reader.read_trace(connection, owner, id, answer_id)

    def recover(self, *, is_start: bool = False) -> int:
        """Mark the answers of killed servers as cut off, for every owner. Return how many there were.

        An answer that a server holds is left alone. ``is_start``: also look for answers without any lease.
        """
        with self._database.reading() as connection:
            keys = self._leases.free_leases(connection, LeaseKind.ANSWER)
            if is_start:
                keys += [
                    LeaseKey(LeaseKind.ANSWER, conversation, message)
                    for conversation, message in conversation_writer.find_running(connection)
                ]
        return sum(self._recover_answer(key) for key in dict.fromkeys(keys))

    def _recover_answer(self, key: LeaseKey) -> bool:
        with self._lock, self._database.writing() as connection:
            if not self._leases.remove_free(connection, key):
                return False
            owner = conversation_writer.cut_off(connection, key.id, key.part)
            if owner is not None:
                self._remembered.pop((owner, key.id), None)
            return owner is not None

    def release_answers(self, id: str) -> None:
        """Give up the leases of the conversation's answers, because it will not be saved again."""
        if held := self._leases.held(LeaseKind.ANSWER, id):
            self._leases.release(*held)

    def entries(
        self, owner: str, search: str = "", page: int = 0, size: int = 25, *, deleted: bool = False
    ) -> tuple[stored_values.ConversationEntry, ...]:
        """Return one page of the list or the bin: pinned first, then by last change, newest first."""
        order = (_TABLE.c.pinned.desc(), _TABLE.c.updated.desc(), _TABLE.c.key.desc())
        with self._database.reading() as connection:
            query = select(_TABLE).where(_in_list(connection, owner, search, deleted=deleted))
            rows = connection.execute(query.order_by(*order).limit(size).offset(page * size)).all()
            usage = usage_by_conversation(connection, owner, [row.key for row in rows])
        return tuple(
            replace(conversation_reader.entry(row), daily_usage=usage.get(row.key, ())) for row in rows
        )

    def count(self, owner: str, search: str = "", *, deleted: bool = False) -> int:
        """Return how many conversations the list or the bin has."""
        with self._database.reading() as connection:
            condition = _in_list(connection, owner, search, deleted=deleted)
            return connection.scalar(select(func.count()).select_from(_TABLE).where(condition)) or 0

    def rename(self, owner: str, id: str, title: str) -> bool:
        """Set the title. A blank title restores the one made from the first message."""
        title = " ".join(title.split())
        is_edited = bool(title)
        if not is_edited:
            saved = self.load(owner, id)
            title = conversation_writer.list_title(saved.conversation) if saved else ""
        return self._update(owner, [id], title=title, title_edited=is_edited) == 1

    def pin(self, owner: str, id: str, pinned: bool = True) -> bool:
        """Keep the conversation at the top of the list, or not any more."""
        return self._update(owner, [id], pinned=pinned) == 1

    def delete(self, owner: str, *ids: str) -> int:
        """Move conversations to the bin. Return how many there were."""
        count = self._update(owner, ids, deleted_at=self._database.now())
        self._deleted.update(ids)
        return count

    def restore(self, owner: str, *ids: str) -> int:
        """Take conversations out of the bin. Return how many there were."""
        count = self._update(owner, ids, deleted_at=None)
        self._deleted.difference_update(ids)
        return count

    def _update(self, owner: str, ids: Iterable[str], **values: Any) -> int:
        with self._database.writing() as connection:
            return update_conversations(connection, owner, ids, **values)

    def delete_all(self, owner: str) -> tuple[str, ...]:
        """Move the whole list to the bin. Return the ids, for restore()."""
        with self._database.writing() as connection:
            ids = tuple(connection.scalars(select(_TABLE.c.id).where(_in_list(connection, owner))))
            update_conversations(connection, owner, ids, deleted_at=self._database.now())
        self._deleted.update(ids)
        return ids

    def purge(self, owner: str, *ids: str) -> int:
        """Delete conversations for good, in the bin or not. Saving them again does nothing."""
        with self._lock:
            with self._database.writing() as connection:
                own_ids = [id for id in ids if conversation_reader.exists(connection, owner, id)]
                count = sum(
                    # Messages, answers, turns and traces go by cascade.
                    connection.execute(delete(_TABLE).where(batch)).rowcount
                    for batch in _batches(owner, own_ids)
                )
            self._purged.update(own_ids)
        for id in own_ids:
            self.release_answers(id)
        return count

    def daily_usage(self, owner: str, since: date | None = None) -> tuple[stored_values.DailyUsage, ...]:
        """Return what all answers used, oldest day first. Conversations in the bin count too."""
        with self._database.reading() as connection:
            return total_usage_by_day(connection, owner, since)
