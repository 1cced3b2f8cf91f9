"""Old databases open without loss, newer ones are left alone, and the scripts make what the code works with."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from lib.api.request import Messages
from lib.chat.answer import Ending
from lib.errors import BadInput, NewerDatabase, RateLimited, StorageFailed
from lib.store import SavedPreset, SavedSchema, Store, database_url
from lib.store import schema_migration as versions
from lib.store.tables import metadata
from tests.store.conversation_trees import SETTINGS, make_conversation

OLD = Path(__file__).with_name("version_1.sql")  # recorded from the first version; never to be made anew


@pytest.fixture
def old(tmp_path: Path) -> Path:
    file = tmp_path / "paddock.sqlite3"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
    return file


def test_the_first_version_opens_without_loss(old: Path) -> None:
    with closing(Store(f"sqlite:///{old}")) as store:
        saved = store.load("ann", "old")
        assert saved is not None
        conversation = saved.conversation
        assert saved.settings == SETTINGS
        assert conversation.system == "Be kind."
        said = [message.content for message in conversation.path()]
        assert said == ["Why is the sky blue?", "Because of Rayleigh.", "More\x00?", "It scatters"]
        first, cut = (conversation.messages[at].answers[0] for at in (1, 3))
        assert str(first.usage.neurons if first.usage else None) == "0.25"
        assert isinstance(first.error, RateLimited)
        assert cut.ending is Ending.CUT_OFF
        assert isinstance(cut.request.input, Messages)
        assert [turn.content for turn in cut.request.input.turns] == ["Be kind.", *said[:3]]
        assert saved.entry.title == "Why is the sky blue?"
        # What came later works on what was there before.
        assert store.count("ann", "rayleigh") == store.count("ann", "sky blue") == 1
        store.put_preset("ann", SavedPreset("1", "Kind", {}))
        store.put_schema("ann", SavedSchema("1", "Any", "{}"))
        store.save("ann", make_conversation("On", conversation=conversation), SETTINGS)
    with closing(Store(f"sqlite:///{old}")) as store:
        assert store.count("ann", "on") == 1


def test_a_migration_that_fails_changes_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute(
            "CREATE TABLE comparison (somebody_elses INTEGER)"
        )  # the last step's name is taken
        connection.commit()
        before = list(connection.iterdump())
    store = Store(f"sqlite:///{old}")
    with pytest.raises(StorageFailed):
        store.open()
    store.close()
    with closing(sqlite3.connect(old)) as connection:
        assert list(connection.iterdump()) == before


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "paddock.sqlite3"
    store = Store(f"sqlite:///{file}")
    store.save("ann", make_conversation("a"), SETTINGS)
    store.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE {versions.VERSION_TABLE} SET version_num = '99'")
        connection.commit()
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    store = Store(f"sqlite:///{file}")
    for use in (
        store.open,
        lambda: store.save("ann", make_conversation("b"), SETTINGS),
        lambda: store.entries("ann"),
    ):
        with pytest.raises(NewerDatabase, match="version 99"):
            use()
    store.close()
    after = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert after == before


def test_a_newer_database_on_any_server(store: Store) -> None:
    store.open()
    with store._database.writing() as connection:
        connection.execute(text(f"UPDATE {versions.VERSION_TABLE} SET version_num = '99'"))
    store.close()
    with pytest.raises(NewerDatabase):
        store.save("ann", make_conversation("b"), SETTINGS)


def test_the_scripts_make_what_the_code_works_with(store: Store) -> None:
    store.open()

    def ours(object: object, name: str | None, type: str, *_: object) -> bool:
        return "search" not in (name or "") and name != versions.VERSION_TABLE

    with store._database.reading() as connection:
        assert versions.read_version(connection) == versions.newest_version()
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, metadata) == []


def test_many_open_a_new_database_at_once(url: str) -> None:
    stores = [Store(url) for _ in range(4)]
    problems: list[Exception] = []

    def work(store: Store) -> None:
        try:
            store.save("ann", make_conversation("a"), SETTINGS)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert stores[0].count("ann") == 4
    for store in stores:
        store.close()


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path / "ä b%20?"))
    with closing(Store(database_url({}))) as store:
        store.save("ann", make_conversation("a"), SETTINGS)
        assert store.name == str(tmp_path / "ä b%20?" / "paddock.sqlite3")
    file = tmp_path / "ä b%20?" / "paddock.sqlite3"
    assert file.stat().st_mode & 0o077 == 0, "conversations are private"
    assert database_url({"PADDOCK_DATABASE_URL": " postgresql://x/y "}) == "postgresql://x/y"


@pytest.mark.parametrize(
    "url", ["", "x", "nothing://x", "sqlite://", "sqlite:///:memory:", "mysql+mysqldb://a/b"]
)
def test_addresses_that_cannot_be_used(url: str) -> None:
    with pytest.raises(BadInput):
        Store(url)


def test_a_password_is_never_shown() -> None:
    store = Store("postgres://ann:hunter2@127.0.0.1:1/paddock")
    assert "hunter2" not in store.name
    with pytest.raises(StorageFailed) as caught:
        store.open()
    assert "hunter2" not in f"{caught.value} {caught.value.advice} {caught.value!r}"
    assert "cannot be reached" in str(caught.value)
    assert caught.value.__suppress_context__
    assert "hunter2" not in str(caught.value.__context__)
