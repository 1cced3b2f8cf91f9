"""Backups are whole files, made daily and before migrations while the database is used."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lib.errors import DamagedDatabase, StorageFailed
from lib.store import backup
from lib.store.backup import Backup, BackupReason
from lib.store.store import Store
from tests.clock import Clock
from tests.store.backed_up_store import DAY, Killed, content, damage, entries, make, save, titles
from tests.store.test_schema_migration import FAILING_VERSION, LATER_VERSION, NEWEST, hashes, later_version


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


def test_a_backup_a_day_and_the_newest_seven_stay(store: Store, clock: Clock, file: Path) -> None:
    make(store, BackupReason.BEFORE_MIGRATION)
    for _ in range(9):
        store.database.back_up_daily()
        store.database.back_up_daily()
        clock.now += DAY
    daily = [entry for entry in entries(store) if entry.reason is BackupReason.DAILY]
    assert [f"{entry.made:%d}" for entry in daily] == ["09", "08", "07", "06", "05", "04", "03"]
    assert [entry.reason for entry in entries(store)][-1] is BackupReason.BEFORE_MIGRATION, "counted apart"
    assert daily[0].file.name == f"paddock-2026-03-09-{NEWEST}-daily.sqlite3"
    assert content(daily[0]) == ["first"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (daily[0].file.parent, daily[0].file))
    assert len(list(daily[0].file.parent.iterdir())) == 8, "no other file is left"


def test_a_restart_makes_no_second_backup_of_the_day(store: Store, clock: Clock, file: Path) -> None:
    store.database.back_up_daily()
    before = hashes(file.parent / "backups")
    save(store, "second")
    with closing(Store(f"sqlite:///{file}", clock)) as other:
        other.database.back_up_daily()
    assert hashes(file.parent / "backups") == before


def test_writers_go_on_during_a_backup(store: Store, file: Path, tmp_path: Path) -> None:
    """Also those of another process: the backup is the state of its beginning, and ends."""
    save(store, "much text " * 100_000)
    target = tmp_path / "copy.sqlite3"
    target.touch()
    steps = 0

    def write(*_: int) -> None:
        nonlocal steps
        steps += 1
        with closing(Store(f"sqlite:///{file}")) as other:
            save(other, f"during {steps}")
        assert steps < 100, "each change begins the copy again"

    pages = backup.PAGES_PER_STEP
    try:
        backup.PAGES_PER_STEP = 100
        backup.copy_database(file, target, write)
    finally:
        backup.PAGES_PER_STEP = pages
    assert steps > 2
    copied = content(Backup(target, datetime.now(UTC), NEWEST, BackupReason.DAILY))
    assert len(copied) == 2
    assert len(titles(store)) == 2 + steps


@pytest.mark.parametrize("step", ["copy_database", "check_database", "sync_file", "sync_folder"])
def test_a_kill_leaves_no_half_backup(store: Store, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make(store)
    save(store, "second")

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(backup, step, kill)
        patch.setattr(backup, "delete_part", lambda part: None)
        with pytest.raises(Killed):
            make(store, BackupReason.BEFORE_RESTORE)
    assert content(first) == ["first"]
    assert all(content(entry) for entry in entries(store)), "what has the name of a backup is one"
    for part in first.file.parent.glob("*.part*"):
        os.utime(part, (time.time() - DAY, time.time() - DAY))
    newest = make(store, BackupReason.BEFORE_RESTORE)
    assert content(newest) == ["first", "second"]
    assert list(newest.file.parent.glob("*.part*")) == []


def test_a_damaged_database_pushes_out_no_backup(store: Store, file: Path) -> None:
    first = make(store)
    store.close()
    damage(file)
    with pytest.raises((DamagedDatabase, sqlite3.DatabaseError)):
        make(store)
    assert entries(store) == (first,)
    assert content(first) == ["first"]
    assert len(list(first.file.parent.iterdir())) == 1


def test_a_backup_that_fails_is_tried_again_later(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []

    def fail(*_: object) -> None:
        attempts.append(clock.now)
        raise OSError(28, "No space left on device")

    assert store.database.backups is not None
    with monkeypatch.context() as patch:
        patch.setattr(backup, "copy_database", fail)
        with pytest.raises(StorageFailed, match="disk is full"):
            store.database.back_up_daily()
        assert store.database.backups.problem is not None
        store.database.back_up_daily()
        assert len(attempts) == 1
        assert store.database.backups.problem is not None, "nothing was made meanwhile"
    clock.now += 3600
    store.database.back_up_daily()
    assert store.database.backups.problem is None
    assert len(entries(store)) == 1


def test_each_migration_is_preceded_by_a_backup(
    store: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert entries(store) == (), "none of a new database"
    store.close()
    with later_version(tmp_path, monkeypatch, LATER_VERSION), closing(Store(f"sqlite:///{file}")) as later:
        for _ in range(2):
            assert titles(later) == ["first"]
            (made,) = entries(later)
            assert (made.reason, made.version) == (BackupReason.BEFORE_MIGRATION, NEWEST)
            assert content(made) == ["first"]
            later.close()


def test_a_migration_that_fails_again_and_again_makes_one_backup(
    store: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    made = []
    copy_database = backup.copy_database

    def record_copy(source: Path, target: Path) -> str:
        made.append(source)
        return copy_database(source, target)

    monkeypatch.setattr(backup, "copy_database", record_copy)
    with (
        later_version(tmp_path, monkeypatch, FAILING_VERSION),
        closing(Store(f"sqlite:///{file}")) as later,
    ):
        for _ in range(3):
            with pytest.raises(StorageFailed):
                titles(later)
        assert len(entries(later)) == len(made) == 1


def test_without_a_backup_there_is_no_migration(
    store: Store, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.close()
    before = file.read_bytes()
    (file.parent / "backups").write_text("a file where the folder should be")
    with (
        later_version(tmp_path, monkeypatch, LATER_VERSION),
        closing(Store(f"sqlite:///{file}")) as later,
        pytest.raises(StorageFailed),
    ):
        titles(later)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT version_num FROM paddock_version").fetchone() == (NEWEST,)
    assert len(before) == len(file.read_bytes())
