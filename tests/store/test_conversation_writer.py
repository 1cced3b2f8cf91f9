"""A conversation is loaded as it was saved, after any changes, and a save writes only new rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, event

from lib.api.request import Messages
from lib.chat.answer import Ending
from lib.chat.conversation import Conversation, Message
from lib.chat.snapshot import UnfinishedAnswer
from lib.errors import CutOff, StorageFailed
from lib.model.settings import Settings
from lib.store.store import Store
from tests.store.conversation_trees import (
    SETTINGS,
    as_plain_values,
    histories,
    make_answer,
    make_conversation,
    make_unanswered,
    make_unfinished,
)

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@SHARED
@given(states=histories())
def test_it_comes_back(store: Store, states: list[Conversation]) -> None:
    """Save after each change; a store that has not seen the conversation loads it."""
    for state in states:
        store.conversations.save("ann", state, SETTINGS)
    last = states[-1]
    saved = store.conversations.load("ann", last.id)
    assert saved is not None
    assert as_plain_values(saved.conversation) == as_plain_values(last)
    assert saved.settings == SETTINGS
    assert saved.entry.message_count == len(last.messages)
    with closing(Store(store_url(store))) as other:
        read = other.conversations.load("ann", last.id)
        assert read is not None
        assert as_plain_values(read.conversation) == as_plain_values(last)
    store.conversations.save("ann", last, SETTINGS)  # nothing is new, so nothing is written


def store_url(store: Store) -> str:
    return store.database.url.render_as_string(hide_password=False)


@pytest.fixture
def written(store: Store) -> list[str]:
    """Return a list that gets a table's name for each row that is written."""
    rows: list[str] = []

    def note(_: Connection, __: object, statement: str, values: object, ___: object, many: bool) -> None:
        words = statement.split()
        if words[0] in ("INSERT", "UPDATE", "DELETE"):
            table = words[1] if words[0] == "UPDATE" else words[2]
            rows.extend([table] * (len(values) if many and isinstance(values, list) else 1))

    store.database.open()
    event.listen(store.database.engine, "before_cursor_execute", note)
    return rows


def test_only_what_is_new_is_written(store: Store, written: list[str]) -> None:
    conversation = make_conversation(*"abcdefgh")
    store.conversations.save("ann", conversation, SETTINGS)
    written.clear()
    store.conversations.save("ann", conversation, SETTINGS)
    assert written == []
    store.conversations.save("ann", conversation.open_message(conversation.messages[0].id), SETTINGS)
    store.conversations.save("ann", conversation, SETTINGS.with_value(SETTINGS.items[0].name, 9))
    assert written == ["conversation", "conversation"]
    written.clear()
    more = make_conversation("i", conversation=conversation)
    store.conversations.save("ann", more, SETTINGS)
    # One turn of the question, and one of the answer before it.
    assert sorted(written) == ["answer", "conversation", "message", "message", "turn", "turn"]
    written.clear()
    store.conversations.save("ann", more.delete(more.messages[-1].id), SETTINGS)
    assert sorted(written) == ["conversation", "message"]


def test_to_open_one_is_to_write_nothing(store: Store, written: list[str]) -> None:
    conversation = make_conversation("a", "b")
    store.conversations.save("ann", conversation, SETTINGS)
    store.close()  # as after a restart
    saved = store.conversations.load("ann", conversation.id)
    assert saved is not None
    written.clear()
    store.conversations.save("ann", saved.conversation, saved.settings)
    assert written == []
    store.conversations.save("ann", make_conversation("c", conversation=saved.conversation), saved.settings)
    assert sorted(written) == ["answer", "conversation", "message", "message", "turn", "turn"]


def test_text_that_comes_is_two_rows(store: Store, written: list[str]) -> None:
    conversation, request = make_unanswered("b", make_conversation("a"))
    store.conversations.save("ann", conversation, SETTINGS, (make_unfinished(conversation, request, ""),))
    written.clear()
    for text in ("x", "xy", "xyz", "xyz"):
        store.conversations.save(
            "ann", conversation, SETTINGS, (make_unfinished(conversation, request, text),)
        )
    assert written == ["answer", "conversation"] * 3


def test_a_request_takes_no_room_of_its_own(store: Store) -> None:
    """Each of 200 requests repeats all turns before it; every turn is stored once."""
    long = make_conversation(*(f"question {number}" for number in range(200)))
    store.conversations.save("ann", long, SETTINGS)
    with store.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM turn").scalar() == 2 * 200 - 1
    saved = store.conversations.load("ann", long.id)
    assert saved is not None
    assert [len(sent_turns(message)) for message in saved.conversation.messages[1::2]] == [*range(1, 400, 2)]


def sent_turns(message: Message) -> tuple[object, ...]:
    sent = message.answers[0].request.input
    assert isinstance(sent, Messages)
    return sent.turns


def test_a_running_answer_comes_back_cut_off(store: Store) -> None:
    conversation, request = make_unanswered("Tell me")
    store.conversations.save(
        "ann", conversation, SETTINGS, (make_unfinished(conversation, request, "Once upon"),)
    )
    saved = store.conversations.load("ann", conversation.id)
    assert saved is not None
    last = saved.conversation.path()[-1]
    assert last.content == "Once upon"
    (cut,) = last.answers
    assert (cut.ending, cut.text, cut.request) == (Ending.CUT_OFF, "Once upon", request)
    assert isinstance(cut.error, CutOff)
    assert "Continue" in cut.error.advice
    assert cut.usage is not None
    assert cut.usage.estimated
    assert cut.usage.prompt_tokens == request.estimated_prompt_tokens()
    assert cut.timings.first_token == 0.5
    # The answer is continued, cut off again, and then completed.
    again = (replace(make_unfinished(saved.conversation, request, " a time"), message_id=last.id),)
    store.conversations.save("ann", saved.conversation, SETTINGS, again)
    second = store.conversations.load("ann", conversation.id)
    assert second is not None
    assert second.conversation.path()[-1].content == "Once upon a time"
    assert len(second.conversation.path()[-1].answers) == 2
    whole = make_answer(saved.conversation, " a time.")
    ended = saved.conversation.replace_message(
        replace(last, content="Once upon a time.", answers=(*last.answers, whole))
    )
    store.conversations.save("ann", ended, SETTINGS)
    third = store.conversations.load("ann", conversation.id)
    assert third is not None
    assert as_plain_values(third.conversation) == as_plain_values(ended)


def test_recovery(store: Store) -> None:
    """A conversation of a killed server is repaired without being opened: its text can be searched."""
    conversation, request = make_unanswered("Tell me")
    done = make_conversation("done")
    store.conversations.save(
        "ann", conversation, SETTINGS, (make_unfinished(conversation, request, "Once upon"),)
    )
    store.conversations.save("ann", done, SETTINGS)
    store.conversations.save("bob", *make_bobs_unfinished())
    store.close()  # ends its leases
    with closing(Store(store_url(store))) as other:
        before = other.conversations.load("ann", conversation.id)
        newest = other.conversations.entries("ann")
        assert other.conversations.count("ann", "upon") == 0
        assert other.conversations.recover() == 2
        assert other.conversations.recover() == 0
        after = other.conversations.load("ann", conversation.id)
        assert before is not None
        assert after is not None
        assert as_plain_values(after.conversation) == as_plain_values(before.conversation)
        assert other.conversations.count("ann", "upon") == other.conversations.count("bob", "bob's") == 1
        assert [entry.id for entry in other.conversations.entries("ann")] == [entry.id for entry in newest]


def make_bobs_unfinished() -> tuple[Conversation, Settings, tuple[UnfinishedAnswer, ...]]:
    conversation, request = make_unanswered("And me")
    return conversation, SETTINGS, (make_unfinished(conversation, request, "It is bob's"),)


def test_a_running_answer_that_was_taken_back(store: Store) -> None:
    conversation, request = make_unanswered("Tell me")
    store.conversations.save("ann", conversation, SETTINGS, (make_unfinished(conversation, request, "Once"),))
    store.conversations.save("ann", conversation, SETTINGS)
    saved = store.conversations.load("ann", conversation.id)
    assert saved is not None
    assert as_plain_values(saved.conversation) == as_plain_values(conversation)


def test_copies_are_one_value_again(store: Store) -> None:
    conversation = make_conversation("a", "b")
    edited = conversation.edit(conversation.messages[0].id, "A")
    store.conversations.save("ann", edited, SETTINGS)
    saved = store.conversations.load("ann", edited.id)
    assert saved is not None
    old, copy = (saved.conversation.messages[at].answers[0] for at in (1, 5))
    assert old is copy


def test_owners_are_apart(store: Store) -> None:
    mine = make_conversation("secret")
    store.conversations.save("ann", mine, SETTINGS)
    before = store.conversations.load("ann", mine.id)
    assert store.conversations.load("bob", mine.id) is None
    assert store.conversations.entries("bob") == ()
    assert store.conversations.count("bob", "secret") == 0
    assert store.conversations.daily_usage("bob") == ()
    assert not store.conversations.rename("bob", mine.id, "x")
    assert not store.conversations.pin("bob", mine.id)
    assert store.conversations.delete("bob", mine.id) == 0
    assert store.conversations.restore("bob", mine.id) == 0
    assert store.conversations.purge("bob", mine.id) == 0
    assert store.conversations.delete_all("bob") == ()
    with pytest.raises(StorageFailed, match="somebody else"):
        store.conversations.save(
            "bob", make_conversation("mine now", conversation=Conversation(id=mine.id)), SETTINGS
        )
    assert store.conversations.load("ann", mine.id) == before
    store.conversations.save("ann", make_conversation("more", conversation=mine), SETTINGS)
    assert store.conversations.count("ann", "more") == 1


@pytest.mark.parametrize("id", ["", "\x00", "\ud800", "'; DROP TABLE message; --", "x" * 10_000])
def test_any_text_may_be_asked_for(store: Store, id: str) -> None:
    assert store.conversations.load("ann", id) is None
    assert store.conversations.delete("ann", id) == 0


def test_two_stores_write_the_same_conversation(store: Store) -> None:
    first = make_conversation("a")
    with closing(Store(store_url(store))) as other:
        store.conversations.save("ann", first, SETTINGS)
        theirs = make_conversation("b", conversation=first)
        other.conversations.save("ann", theirs, SETTINGS)
        stored, _ = store.conversations.save("ann", make_conversation("c", conversation=first), SETTINGS)
        both = stored.conversation
        saved = other.conversations.load("ann", first.id)
    assert saved is not None
    assert as_plain_values(saved.conversation) == as_plain_values(both)
    assert [message.content for message in both.path()] == ["a", "You said: a", "c", "You said: c"]
    theirs_opened = both.open_message(theirs.messages[-1].id)
    assert [message.content for message in theirs_opened.path()] == ["a", "You said: a", "b", "You said: b"]


def test_what_is_purged_stays_so(store: Store) -> None:
    conversation, request = make_unanswered("Tell me")
    store.conversations.save("ann", conversation, SETTINGS, (make_unfinished(conversation, request, "Once"),))
    assert store.conversations.purge("ann", conversation.id) == 1
    store.conversations.save(
        "ann", conversation, SETTINGS, (make_unfinished(conversation, request, "Once upon"),)
    )
    assert store.conversations.load("ann", conversation.id) is None
    with store.database.reading() as connection:
        for table in ("conversation", "message", "answer", "turn"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0


def test_what_nobody_began_is_not_kept(store: Store) -> None:
    store.conversations.save("ann", Conversation(), SETTINGS)
    store.conversations.save("ann", Conversation(" "), SETTINGS)
    begun = Conversation("Be kind.")
    store.conversations.save("ann", begun, SETTINGS)
    assert store.conversations.load("ann", begun.id) is not None
    assert store.conversations.count("ann") == 0, "without a message it is not in the list"


def test_sqlite_is_in_wal_mode(tmp_path: object) -> None:
    store = Store(f"sqlite:///{tmp_path}/new/folder/p.sqlite3")
    store.database.open()
    store.close()
    with closing(sqlite3.connect(f"{tmp_path}/new/folder/p.sqlite3")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
