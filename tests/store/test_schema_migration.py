"""Migrations make the tables that the code uses; databases of other versions are refused and left untouched."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, Table, inspect, text

from lib.errors import BadInput, NewerDatabase, StorageFailed
from lib.files import value_codec
from lib.store import schema_migration
from lib.store.database import Database, database_url
from lib.store.lease_store import LeaseKey, LeaseKind
from lib.store.store import Store
from lib.store.stored_values import SavedPreset
from lib.store.tables import metadata
from tests.store.conversation_trees import SETTINGS, as_plain_values, make_conversation

NEWEST = schema_migration.newest_version()
LATER_VERSION = f'''
"""A version after the newest one, which only these tests have."""

import sqlalchemy as sa
from alembic import op

revision = "later"
down_revision = "{NEWEST}"


def upgrade():
    op.add_column("preset", sa.Column("note", sa.Text))
    op.execute("UPDATE preset SET note = name")
'''
INSERT_CONVERSATION = """
INSERT INTO conversation (id, owner, title, title_edited, pinned, system, settings, messages, created, updated)
VALUES ('old', 'ann', '', false, false, 'Be kind.', :settings, 0, 1, 1)
"""
FAILING_VERSION = f'{LATER_VERSION}    op.execute("INSERT INTO no_such_table VALUES (1)")\n'


@contextmanager
def later_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Iterator[None]:
    """Let the code know a version after the newest one."""
    folder = tmp_path / "versions"
    folder.mkdir(exist_ok=True)
    (folder / "later_version.py").write_text(script, encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(schema_migration, "VERSION_FOLDERS", (*schema_migration.VERSION_FOLDERS, folder))
        yield


def preset_columns(store: Store) -> list[str]:
    with store.database.reading() as connection:
        return [column["name"] for column in inspect(connection).get_columns("preset")]


def test_a_later_migration_keeps_what_is_stored(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = make_conversation("Why is the sky blue?")
    with closing(Store(url)) as store:
        store.conversations.save("ann", conversation, SETTINGS)
        store.presets.save("ann", SavedPreset("1", "Kind", {}))
    with later_version(tmp_path, monkeypatch, LATER_VERSION), closing(Store(url)) as store:
        saved = store.conversations.load("ann", conversation.id)
        assert saved is not None
        assert as_plain_values(saved.conversation) == as_plain_values(conversation)
        with store.database.reading() as connection:
            assert schema_migration.read_version(connection) == "later"
            assert connection.execute(text("SELECT note FROM preset")).scalar() == "Kind"
        store.conversations.save("ann", make_conversation("On", conversation=conversation), SETTINGS)
        assert store.conversations.count("ann", "on") == 1
    with closing(Store(url)) as store, pytest.raises(NewerDatabase, match="version later"):
        store.conversations.load("ann", conversation.id)


def test_a_migration_that_fails_changes_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = make_conversation("a")
    with closing(Store(url)) as store:
        store.conversations.save("ann", conversation, SETTINGS)
        before = preset_columns(store)
    with (
        later_version(tmp_path, monkeypatch, FAILING_VERSION),
        closing(Store(url)) as store,
        pytest.raises(StorageFailed),
    ):
        store.conversations.load("ann", conversation.id)
    with closing(Store(url)) as store:
        assert store.conversations.load("ann", conversation.id) is not None
        assert preset_columns(store) == before
        with store.database.reading() as connection:
            assert schema_migration.read_version(connection) == NEWEST


def test_a_database_of_version_1_is_migrated(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Make one with the script of version 1 alone. Its conversations stay, and leases can be taken."""
    versions = tmp_path / "only-version-1"
    versions.mkdir()
    shutil.copy(schema_migration.VERSION_FOLDERS[0] / "version_1.py", versions)
    settings = json.dumps(value_codec.write_settings(SETTINGS))
    with monkeypatch.context() as patch, closing(Database(url)) as database:
        patch.setattr(schema_migration, "VERSION_FOLDERS", (versions,))
        with database.writing() as connection:
            assert schema_migration.read_version(connection) == "v1"
            connection.execute(text(INSERT_CONVERSATION), {"settings": settings})
    with closing(Store(url)) as store:
        saved = store.conversations.load("ann", "old")
        assert saved is not None
        assert saved.conversation.system == "Be kind."
        with store.database.reading() as connection:
            assert schema_migration.read_version(connection) == NEWEST
        store.leases.take(LeaseKey(LeaseKind.RUN, "x"))


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def make_file_of_version(file: Path, version: str) -> None:
    """Make a database with content, and write that version into it."""
    with closing(Store(f"sqlite:///{file}")) as store:
        store.conversations.save("ann", make_conversation("a"), SETTINGS)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE {schema_migration.VERSION_TABLE} SET version_num = '{version}'")
        connection.commit()


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "paddock.sqlite3"
    make_file_of_version(file, "99")
    before = hashes(tmp_path)
    store = Store(f"sqlite:///{file}")
    for use in (
        store.database.open,
        lambda: store.conversations.save("ann", make_conversation("b"), SETTINGS),
        lambda: store.conversations.entries("ann"),
    ):
        with pytest.raises(NewerDatabase, match="version 99"):
            use()
    store.close()
    assert hashes(tmp_path) == before


@pytest.mark.parametrize("version", ["1", "6"])
def test_a_development_database_is_left_alone_until_it_is_moved_away(tmp_path: Path, version: str) -> None:
    """The error names the file. Once it is moved away, a new database is made without a restart."""
    folder = tmp_path / "data"
    file = folder / "paddock.sqlite3"
    make_file_of_version(file, version)
    before = hashes(folder)
    with closing(Store(f"sqlite:///{file}")) as store:
        for _ in range(2):
            with pytest.raises(StorageFailed, match="development version") as caught:
                store.conversations.save("ann", make_conversation("b"), SETTINGS)
            assert str(file) in caught.value.message
            assert "Move" in caught.value.advice
            assert caught.value.retryable, "the autosave must try again"
        assert hashes(folder) == before
        file.rename(tmp_path / "moved.sqlite3")
        store.conversations.save("ann", make_conversation("b"), SETTINGS)
        assert store.conversations.count("ann") == 1


@pytest.mark.parametrize(
    ("version", "error"), [("99", NewerDatabase), ("6", StorageFailed)], ids=["newer", "development"]
)
def test_other_versions_on_any_server(store: Store, version: str, error: type[StorageFailed]) -> None:
    store.database.open()
    with store.database.writing() as connection:
        connection.execute(text(f"UPDATE {schema_migration.VERSION_TABLE} SET version_num = '{version}'"))
    store.close()
    with pytest.raises(error) as caught:
        store.conversations.save("ann", make_conversation("b"), SETTINGS)
    assert type(caught.value) is error


def test_the_migrations_make_the_tables_that_the_code_uses(store: Store) -> None:
    store.database.open()

    def is_ours(object: object, name: str | None, type: str, *_: object) -> bool:
        return "search" not in (name or "") and name != schema_migration.VERSION_TABLE

    with store.database.reading() as connection:
        assert schema_migration.read_version(connection) == schema_migration.newest_version()
        context = MigrationContext.configure(connection, opts={"include_object": is_ours})
        assert compare_metadata(context, metadata) == []


def test_many_open_a_new_database_at_once(url: str) -> None:
    stores = [Store(url) for _ in range(4)]
    problems: list[Exception] = []

    def work(store: Store) -> None:
        try:
            store.conversations.save("ann", make_conversation("a"), SETTINGS)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert stores[0].conversations.count("ann") == 4
    for store in stores:
        store.close()

        store.close()


def test_new_databases_are_made_at_once_in_one_process(tmp_path: Path) -> None:
    """Alembic's “op” is one for the whole process: each migration must run on its own database."""
    problems: list[Exception] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        try:
            start.wait()
            for turn in range(3):
                with closing(Store(f"sqlite:///{tmp_path}/{number}-{turn}.sqlite3")) as store:
                    store.conversations.save("ann", make_conversation("a"), SETTINGS)
                    assert store.conversations.count("ann") == 1
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path / "ä b%20?"))
    with closing(Store(database_url({}))) as store:
        store.conversations.save("ann", make_conversation("a"), SETTINGS)
        assert store.database.name == str(tmp_path / "ä b%20?" / "paddock.sqlite3")
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
    assert "hunter2" not in store.database.name
    with pytest.raises(StorageFailed) as caught:
        store.database.open()
    assert "hunter2" not in f"{caught.value} {caught.value.advice} {caught.value!r}"
    assert "cannot be reached" in str(caught.value)
    assert caught.value.__suppress_context__
    assert "hunter2" not in str(caught.value.__context__)


def test_a_database_of_version_1_keeps_everything(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are those of a new database, without the columns that came later."""
    conversation = make_conversation("Why is the sky blue?", "And at night?")
    with closing(Store(f"sqlite:///{tmp_path}/new.sqlite3")) as new:
        new.conversations.save("ann", conversation, SETTINGS)
        new.conversations.pin("ann", conversation.id)
        new.presets.save("ann", SavedPreset("1", "Kind", {}))
        with new.database.reading() as connection:
            rows = {
                table.name: connection.execute(table.select()).mappings().all()
                for table in metadata.sorted_tables
            }
        entries = new.conversations.entries("ann")
    only_first = tmp_path / "versions"
    only_first.mkdir()
    first = schema_migration.VERSION_FOLDERS[0] / "version_1.py"
    (only_first / "version_1.py").write_text(first.read_text(encoding="utf-8"), encoding="utf-8")
    with monkeypatch.context() as patch, closing(Store(url)) as old:
        patch.setattr(schema_migration, "VERSION_FOLDERS", (only_first,))
        with old.database.writing() as connection:
            for table in metadata.sorted_tables:
                if not inspect(connection).has_table(table.name):
                    continue
                stored = Table(table.name, MetaData(), autoload_with=connection)
                names = {column.name for column in stored.columns} - {
                    "key"
                }  # the database counts keys from 1 too
                for row in rows[table.name]:
                    values = {name: value for name, value in row.items() if name in names}
                    connection.execute(stored.insert().values(values))
            assert schema_migration.read_version(connection) == "v1"
    with closing(Store(url)) as store:
        saved = store.conversations.load("ann", conversation.id)
        assert saved is not None
        assert as_plain_values(saved.conversation) == as_plain_values(conversation)
        assert store.conversations.entries("ann") == entries
        assert [preset.name for preset in store.presets.load_all("ann")] == ["Kind"]
        more = make_conversation("On", conversation=saved.conversation)
        assert store.conversations.save("ann", more, saved.settings)[0].conversation is more
        assert store.conversations.count("ann", "on") == 1


def test_migrations_that_cannot_be_read_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    schema_migration._load_scripts.cache_clear()
    with closing(Store(f"sqlite:///{tmp_path / 'paddock.sqlite3'}")) as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", refuse)
            with pytest.raises(StorageFailed, match="cannot be read"):
                store.database.open()
        store.database.open()
