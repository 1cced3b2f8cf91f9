"""A database that cannot be used stays as it is; a restored backup is what every process sees."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lib.errors import DamagedDatabase, NewerDatabase, StorageFailed
from lib.store import backup_restore
from lib.store.backup import BackupReason
from lib.store.store import Store
from tests.clock import Clock
from tests.store.backed_up_store import (
    DAY,
    UNUSABLE,
    Killed,
    content,
    copy_with_log,
    damage,
    empty,
    entries,
    files,
    make,
    make_newer,
    save,
    titles,
    truncate,
)
from tests.store.conversation_trees import SETTINGS, make_conversation
from tests.store.test_schema_migration import LATER_VERSION, later_version


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


@pytest.mark.parametrize("spoil", UNUSABLE)
@pytest.mark.parametrize("log", [False, True], ids=["closed", "killed"])
def test_an_unusable_database_stays_as_it_is(
    store: Store, file: Path, tmp_path: Path, log: bool, spoil: object
) -> None:
    assert callable(spoil)
    made = make(store)
    if log:
        if spoil is make_newer:
            with store.database.writing() as connection:
                connection.exec_driver_sql("UPDATE paddock_version SET version_num = 'v99'")
        file = copy_with_log(store, file, tmp_path / "killed")
        (file.parent / "backups").symlink_to(made.file.parent)
    store.close()
    if spoil is not make_newer or not log:
        spoil(file)
    before = files(file.parent)
    with closing(Store(f"sqlite:///{file}")) as other:
        for use in (lambda: save(other, "third"), lambda: titles(other), other.database.back_up_daily):
            with pytest.raises((DamagedDatabase, NewerDatabase)) as caught:
                use()
            assert f"usable backup is {file.parent / 'backups' / made.file.name}" in caught.value.advice
            assert caught.value.advice.count("usable backup") == 1
            assert caught.value.retryable, "the autosave must try again"
    assert files(file.parent) == before


def test_a_damaged_backup_is_not_named(store: Store, file: Path, clock: Clock) -> None:
    good = make(store)
    clock.now += DAY
    damage(make(store).file)
    store.close()
    truncate(file)
    with pytest.raises(DamagedDatabase) as caught:
        titles(store)
    assert str(good.file) in caught.value.advice


def test_without_a_usable_backup_the_way_out_is_named(store: Store, file: Path) -> None:
    store.close()
    truncate(file)
    with pytest.raises(DamagedDatabase, match="damaged") as caught:
        titles(store)
    assert "no usable backup" in caught.value.advice
    file.unlink()
    with closing(Store(f"sqlite:///{file}")) as other:
        assert titles(other) == []


def test_an_empty_file_without_backups_is_a_new_database(tmp_path: Path) -> None:
    """Somebody may have made it on purpose, for example to mount it in a container."""
    (tmp_path / "paddock.sqlite3").touch()
    with closing(Store(f"sqlite:///{tmp_path}/paddock.sqlite3")) as store:
        save(store, "first")
        assert titles(store) == ["first"]


def test_a_file_that_is_emptied_in_use(store: Store, file: Path) -> None:
    empty(file)
    for _ in range(2):
        with pytest.raises(DamagedDatabase, match="once had content"):
            save(store, "second")
    assert file.stat().st_size == 0


# Restoring


def test_a_restored_backup_is_what_every_process_sees(store: Store, file: Path) -> None:
    """Both stores have the database open, and rely on nothing that they knew of its content."""
    made = make(store)
    talk = make_conversation("second")
    with closing(Store(f"sqlite:///{file}")) as other:
        for each in (store, other):
            each.conversations.save("ann", talk, SETTINGS)
        generation = other.database.generation
        store.database.restore(made)
        assert titles(store) == titles(other) == ["first"]
        assert other.database.generation > generation
        other.conversations.save("ann", talk, SETTINGS)
        assert titles(store) == titles(other) == ["first", "second"]
    (before,) = [entry for entry in entries(store) if entry.reason is BackupReason.BEFORE_RESTORE]
    assert content(before) == ["first", "second"]
    assert content(made) == ["first"], "a backup does not change when it is restored"


def test_an_older_version_is_migrated_before_it_is_restored(
    store: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(store)
    store.close()
    with later_version(tmp_path, monkeypatch, LATER_VERSION), closing(Store(f"sqlite:///{file}")) as later:
        save(later, "second")
        later.database.restore(made)
        assert titles(later) == ["first"]
        with later.database.reading() as connection:
            assert (
                connection.exec_driver_sql("SELECT version_num FROM paddock_version").scalar_one() == "later"
            )


@pytest.mark.parametrize("spoil", UNUSABLE)
def test_an_unusable_database_is_moved_aside(store: Store, file: Path, spoil: object) -> None:
    assert callable(spoil)
    made = make(store)
    other = Store(f"sqlite:///{file}")
    assert titles(other) == ["first"]
    other.close()
    store.close()
    spoil(file)
    spoilt = file.read_bytes()
    store.database.restore(made)
    assert titles(store) == ["first"]
    assert titles(other) == ["first"], "another process finds the new file"
    other.close()
    (aside,) = [path for path in file.parent.glob("*.unusable-*") if path.name[-1] == "Z"]
    assert aside.read_bytes() == spoilt


STEPS = ["prepare_copy", "overwrite", "put_in_place"]


@pytest.mark.parametrize("spoil", [None, truncate])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_during_a_restore(
    store: Store, file: Path, step: str, moment: str, spoil: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is either the one from before or the restored one; a second attempt succeeds."""
    made = make(store)
    save(store, "second")
    if callable(spoil):
        store.close()
        spoil(file)
    original = getattr(backup_restore, step)

    def kill(*args: Path) -> None:
        if moment == "after":
            original(*args)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(backup_restore, step, kill)
        try:
            store.database.restore(made)
        except Killed:
            store.close()
            with closing(Store(f"sqlite:///{file}")) as restarted:
                try:
                    assert titles(restarted) in (["first"], ["first", "second"])
                except DamagedDatabase:
                    assert spoil is not None
    store.database.restore(made)
    assert titles(store) == ["first"]


def test_a_kill_between_the_files_of_an_unusable_database(
    store: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parts stay together under the other name, and no log is left to be applied to the copy."""
    made = make(store)
    save(store, "second")
    file = copy_with_log(store, file, tmp_path / "killed")
    log = file.with_name(f"{file.name}-wal").read_bytes()
    truncate(file)
    spoilt = file.read_bytes()
    with monkeypatch.context() as patch:

        def kill(*_: Path) -> None:
            raise Killed

        patch.setattr(backup_restore, "sync_folder", kill)
        with closing(Store(f"sqlite:///{file}")) as other, pytest.raises(Killed):
            other.database.restore(made)
    (aside,) = [path for path in file.parent.glob("*.unusable-*") if path.name[-1] == "Z"]
    assert aside.read_bytes() == file.read_bytes() == spoilt
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == log
    assert not file.with_name(f"{file.name}-wal").exists()
    with closing(Store(f"sqlite:///{file}")) as other:
        other.database.restore(made)
        assert titles(other) == ["first"]


def test_a_database_that_another_process_holds(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(store)
    save(store, "second")
    monkeypatch.setattr(backup_restore, "_LOCK_SECONDS", 0.1)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="Another program"):
            store.database.restore(made)
    assert titles(store) == ["first", "second"]


def test_a_damaged_backup_is_not_restored(store: Store) -> None:
    made = make(store)
    damage(made.file)
    with pytest.raises(StorageFailed, match="backup is damaged"):
        store.database.restore(made)
    assert titles(store) == ["first"]
