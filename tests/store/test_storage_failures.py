"""Failures of the database: kill -9, a full disk, locks, a read-only or missing file, a server that restarts."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import event

from lib.chat.answer import Ending
from lib.errors import StorageFailed
from lib.store.store import Store
from tests.killable_process import KillableProcess
from tests.store.conversation_trees import SETTINGS, as_plain_values, make_conversation
from tests.store.failing_store import FailingStore
from tests.store.postgres_server import PostgresServer
from tests.store.saving_process import STORY, save_stories
from tests.waiting import ends, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent


def test_kill_in_mid_save(url: str) -> None:
    """Killed six times: whatever was reported as saved is there, cut off, and the database is sound."""
    chance = random.Random(7)
    for _ in range(6):
        with KillableProcess(save_stories, url) as process:
            # The kill comes after the first save, so that every round has something to lose.
            wait_until(partial(bool, process.reports), 60)
            time.sleep(chance.uniform(0.0, 0.4))
        id, length = process.reports[-1]
        with closing(Store(url)) as store:
            saved = store.conversations.load("ann", id)
            assert saved is not None
            message = saved.conversation.path()[-1]
            assert STORY.startswith(message.content)
            assert len(message.content) >= length, "no text is lost that was saved"
            assert message.answers[0].ending is Ending.CUT_OFF
            assert store.conversations.count("ann", "story") >= 1
            thanks = make_conversation("Thanks", conversation=saved.conversation)
            store.conversations.save("ann", thanks, SETTINGS)
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                for table in ("message_search", "conversation_search"):
                    connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('integrity-check', 1)")


@pytest.fixture
def trouble(tmp_path: Path) -> FailingStore:
    return FailingStore(tmp_path)


def test_a_full_disk(trouble: FailingStore) -> None:
    """SQLite's limit on the number of pages has the same effect as a full disk."""
    most = [trouble.file.stat().st_size // 4096 + 2]

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={most[0]}")

    trouble.store.close()
    event.listen(trouble.store.database.engine, "connect", limit)
    trouble.expect_failure("disk is full")
    trouble.expect_stored(trouble.before)
    most[0] = 1_000_000
    trouble.store.close()
    trouble.expect_recovery()


def test_a_lock(trouble: FailingStore) -> None:
    with closing(sqlite3.connect(trouble.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ends():
            trouble.expect_failure("Another program")
        trouble.expect_stored(trouble.before)
        assert trouble.store.database.generation == 1, "a lock is no reason to look at everything anew"
    trouble.expect_recovery()


def test_no_right_to_write() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's folder is closed to other users
        folder = Path(name)
        folder.chmod(0o777)
        process = subprocess.run(
            [sys.executable, "-m", "tests.store.read_only_process", name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert process.stdout == "recovered\n", process.stderr


def test_a_file_that_is_gone_for_a_while(trouble: FailingStore, tmp_path: Path) -> None:
    away = tmp_path / "away"
    trouble.file.parent.rename(away)
    trouble.expect_failure("is gone")
    assert not trouble.file.exists(), "no empty one takes its place"
    away.rename(trouble.file.parent)
    trouble.expect_recovery()


def test_another_file_in_its_place(trouble: FailingStore, tmp_path: Path) -> None:
    """An older copy was put back: the state of the lost file must not be relied on."""
    trouble.store.close()
    shutil.copy(trouble.file, tmp_path / "copy")
    trouble.store.conversations.save("ann", trouble.after, SETTINGS)
    trouble.file.unlink()
    shutil.copy(tmp_path / "copy", trouble.file)
    trouble.expect_recovery()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "paddock.sqlite3"
    file.write_text("Dear diary, " * 1000)
    with closing(Store(f"sqlite:///{file}")) as store, pytest.raises(StorageFailed, match="no database"):
        store.database.open()
    assert file.read_text() == "Dear diary, " * 1000


def test_the_server_restarts(server: PostgresServer) -> None:
    with closing(Store(server.database())) as store:
        conversation = make_conversation("before")
        store.conversations.save("ann", conversation, SETTINGS)
        server.stop()
        try:
            more = make_conversation("while it was down", conversation=conversation)
            for _ in range(2):
                with pytest.raises(StorageFailed) as caught:
                    store.conversations.save("ann", more, SETTINGS)
                assert caught.value.retryable
                with pytest.raises(StorageFailed):
                    store.conversations.entries("ann")
        finally:
            server.start()
        store.conversations.save("ann", more, SETTINGS)
        saved = store.conversations.load("ann", more.id)
        assert saved is not None
        assert as_plain_values(saved.conversation) == as_plain_values(more)


def test_connections_that_the_server_ends(server: PostgresServer) -> None:
    """The server ended the connections: the next use notices before it does any work."""
    with closing(Store(server.database())) as store:
        store.conversations.save("ann", make_conversation("a"), SETTINGS)
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        store.conversations.save("ann", make_conversation("b"), SETTINGS)
        assert store.conversations.count("ann") == 2


def test_a_server_that_may_not_be_written(server: PostgresServer) -> None:
    url = server.database()
    with closing(Store(url)) as store:
        conversation = make_conversation("before")
        store.conversations.save("ann", conversation, SETTINGS)
        name = url.split("/@/")[-1].split("@/")[-1].split("?")[0]
        server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        store.close()
        more = make_conversation("more", conversation=conversation)
        with pytest.raises(StorageFailed, match="read-only"):
            store.conversations.save("ann", more, SETTINGS)
        assert store.conversations.count("ann") == 1
        server.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        store.close()  # the connection that read the list is still read-only
        store.conversations.save("ann", more, SETTINGS)
        assert store.conversations.count("ann", "more") == 1


def test_a_row_that_no_database_takes(store: Store) -> None:
    """Only that conversation fails: the error does not blame the database."""
    said = make_conversation("a")
    usage = said.messages[1].answers[0].usage
    assert usage is not None
    object.__setattr__(usage, "prompt_tokens", 10**30)
    with pytest.raises(StorageFailed) as caught:
        store.conversations.save("ann", said, SETTINGS)
    assert not caught.value.retryable
    store.conversations.save("ann", make_conversation("b"), SETTINGS)
    assert store.conversations.count("ann") == 1
