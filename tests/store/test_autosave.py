"""The autosave stores text within a second, and after any failure as soon as that is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lib.chat.conversation import Conversation
from lib.chat.snapshot import Snapshot
from lib.errors import NewerDatabase, PaddockError, StorageFailed
from lib.store.autosave import Autosaver
from lib.store.store import Store
from tests.store.conversation_trees import (
    SETTINGS,
    as_plain_values,
    make_conversation,
    make_unanswered,
    make_unfinished,
)
from tests.store.postgres_server import PostgresServer
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class ConversationsInMemory:
    """Conversations in memory, as in the page's registry."""

    def __init__(self) -> None:
        self.snapshots: dict[str, Snapshot] = {}

    def put(self, conversation: Conversation, owner: str = "ann") -> Snapshot:
        snapshot = Snapshot(owner, conversation, SETTINGS)
        self.snapshots[conversation.id] = snapshot
        return snapshot

    def all(self) -> list[Snapshot]:
        return list(self.snapshots.values())


@pytest.fixture
def house() -> ConversationsInMemory:
    return ConversationsInMemory()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path}/data/paddock.sqlite3")
    yield store
    store.close()


def is_stored(store: Store, conversation: Conversation) -> bool:
    saved = store.conversations.load("ann", conversation.id)
    return saved is not None and as_plain_values(saved.conversation) == as_plain_values(conversation)


def test_it_writes_what_changes_and_nothing_else(
    store: Store, house: ConversationsInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[str] = []
    save = store.conversations.save

    def record_save(owner: str, conversation: Conversation, *rest: Any) -> Conversation:
        saved.append(conversation.id)
        return save(owner, conversation, *rest)

    monkeypatch.setattr(store.conversations, "save", record_save)
    saver = Autosaver(store, house.all)
    a, b = make_conversation("a"), make_conversation("b")
    first = house.put(a)
    house.put(b)
    assert not saver.is_saved(first)
    assert saver.save()
    assert saver.save()
    assert saved == [a.id, b.id]
    assert saver.is_saved(first)
    more = house.put(make_conversation("more", conversation=a))
    assert not saver.is_saved(more)
    assert saver.save()
    assert saved == [a.id, b.id, a.id]
    waiting, request = make_unanswered("and?")
    for text in ("x", "x", "xy"):
        house.snapshots["live"] = Snapshot(
            "ann", waiting, SETTINGS, (make_unfinished(waiting, request, text),)
        )
        assert saver.save()
    assert saved[3:] == [waiting.id] * 2


def test_its_thread(store: Store, house: ConversationsInMemory) -> None:
    others = set(threading.enumerate())  # another test's page may run an autosave too
    saver = Autosaver(store, house.all, interval=0.02).start()
    a = make_conversation("a")
    house.put(a)
    wait_until(lambda: is_stored(store, a))
    last = make_conversation("last", conversation=a)
    house.put(last)
    assert saver.close()
    assert is_stored(store, last), "what was left is written at the end"
    mine = set(threading.enumerate()) - others
    assert [thread for thread in mine if thread.name == "paddock-saver"] == []


def test_one_that_was_never_started_can_be_closed(store: Store, house: ConversationsInMemory) -> None:
    assert Autosaver(store, house.all).close()


def test_a_database_that_goes_and_comes_back(
    store: Store, house: ConversationsInMemory, tmp_path: Path
) -> None:
    saver = Autosaver(store, house.all, interval=0.02, max_pause=0.1).start()
    a = make_conversation("a")
    house.put(a)
    wait_until(lambda: is_stored(store, a))
    (tmp_path / "data").rename(tmp_path / "away")
    wait_until(lambda: isinstance(saver.problem, StorageFailed))  # noticed before there is anything to write
    many = [make_conversation(str(number), conversation=a if number == 0 else None) for number in range(20)]
    for one in many:
        house.put(one)
    time.sleep(0.3)
    assert saver.problem is not None
    assert saver.problem.__traceback__ is None
    (tmp_path / "away").rename(tmp_path / "data")
    wait_until(lambda: saver.problem is None)
    assert all(is_stored(store, one) for one in many)
    assert saver.close()


def test_an_older_copy_in_its_place(store: Store, house: ConversationsInMemory, tmp_path: Path) -> None:
    """Unchanged conversations are written again too."""
    saver = Autosaver(store, house.all)
    a, b = make_conversation("a"), make_conversation("b")
    for one in (a, b):
        house.put(one)
    assert saver.save()
    store.close()
    for file in (tmp_path / "data").iterdir():
        file.unlink()
    assert not saver.save()
    (tmp_path / "data" / "paddock.sqlite3").touch()
    assert saver.save()
    assert saver.save()
    assert is_stored(store, a)
    assert is_stored(store, b)


def test_a_server_that_restarts(server: PostgresServer, house: ConversationsInMemory) -> None:
    with closing(Store(server.database())) as store:
        saver = Autosaver(store, house.all, interval=0.02, max_pause=0.2).start()
        a = make_conversation("a")
        house.put(a)
        wait_until(lambda: saver.is_saved(house.snapshots[a.id]))
        server.stop()
        try:
            more = make_conversation("meanwhile", conversation=a)
            house.put(more)
            wait_until(lambda: saver.problem is not None)
        finally:
            server.start()
        wait_until(lambda: saver.problem is None)
        assert is_stored(store, more)
        assert saver.close()


def test_a_conversation_that_cannot_be_saved_holds_up_no_other(
    store: Store, house: ConversationsInMemory
) -> None:
    bad = make_conversation("bad")
    usage = bad.messages[1].answers[0].usage
    assert usage is not None
    object.__setattr__(usage, "prompt_tokens", 10**30)
    good = make_conversation("good")
    for one in (bad, good):
        house.put(one)
    saver = Autosaver(store, house.all)
    assert not saver.save()
    assert isinstance(saver.problem, StorageFailed)
    assert is_stored(store, good)
    del house.snapshots[bad.id]
    assert saver.save()
    assert saver.problem is None


def test_it_recovers_once_at_its_start(store: Store, house: ConversationsInMemory) -> None:
    conversation, request = make_unanswered("Tell me")
    live = (make_unfinished(conversation, request, "Once upon"),)
    with closing(Store(store.database.url.render_as_string())) as ended:
        ended.conversations.save("ann", conversation, SETTINGS, live)
    saver = Autosaver(store, house.all)
    assert saver.save()
    assert store.conversations.count("ann", "upon") == 1
    other, request = make_unanswered("And?")
    house.snapshots[other.id] = Snapshot(
        "ann", other, SETTINGS, (make_unfinished(other, request, "So much"),)
    )
    assert saver.save()
    assert saver.save()
    assert store.conversations.count("ann", "much") == 0, "it is still coming"


def test_a_newer_database(store: Store, house: ConversationsInMemory) -> None:
    store.database.open()
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE paddock_version SET version_num = '99'")
    store.close()
    saver = Autosaver(store, house.all)
    assert not saver.save()
    assert isinstance(saver.problem, NewerDatabase)


def test_a_bug_does_not_end_it(store: Store) -> None:
    broken = [True]
    a = make_conversation("a")

    def snapshots() -> list[Snapshot]:
        if broken[0]:
            raise KeyError("secret")
        return [Snapshot("ann", a, SETTINGS)]

    saver = Autosaver(store, snapshots, interval=0.02, max_pause=0.05).start()
    wait_until(lambda: saver.problem is not None)
    assert isinstance(saver.problem, PaddockError)
    assert "secret" not in str(saver.problem)
    broken[0] = False
    wait_until(lambda: saver.problem is None)
    assert saver.close()
    assert is_stored(store, a)


def test_a_problem_is_shown_to_those_who_have_it(store: Store, house: ConversationsInMemory) -> None:
    """A refused conversation is its owner's problem, a failing database everybody's. Each change has a number."""
    saver = Autosaver(store, house.all)
    bad = make_conversation("bad")
    usage = bad.messages[1].answers[0].usage
    assert usage is not None
    object.__setattr__(usage, "prompt_tokens", 10**30)
    house.put(bad)
    numbers = [saver.state_number]
    assert not saver.save()
    numbers.append(saver.state_number)
    assert saver.problem_of("ann") is saver.problem is not None
    assert saver.problem_of("bob") is None
    assert not saver.save()
    assert saver.state_number == numbers[-1], "it is the same problem"
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE paddock_version SET version_num = '99'")
    store.close()
    assert not saver.save()
    numbers.append(saver.state_number)
    assert isinstance(saver.problem_of("bob"), NewerDatabase)
    assert numbers == sorted(set(numbers))
