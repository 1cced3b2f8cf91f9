"""A store with one conversation and a clock that tests set, and the ways to spoil its file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from lib.store.backup import Backup, BackupReason
from lib.store.store import Store
from lib.store.stored_values import SavedPreset
from tests.store.conversation_trees import SETTINGS, make_conversation

DAY = 24 * 3600.0


class Killed(BaseException):
    """Stands for a kill: no code of Paddock catches it."""


def save(store: Store, question: str) -> None:
    store.conversations.save("ann", make_conversation(question), SETTINGS)


def titles(store: Store) -> list[str]:
    return sorted(entry.title for entry in store.conversations.entries("ann"))


def entries(store: Store) -> tuple[Backup, ...]:
    assert store.database.backups is not None
    return store.database.backups.entries()


def make(store: Store, reason: BackupReason = BackupReason.DAILY) -> Backup:
    assert store.database.backups is not None
    return store.database.backups.make(reason)


def content(made: Backup) -> list[str]:
    """Return the titles in a backup, read by SQLite alone. Fails if it is damaged."""
    with closing(sqlite3.connect(f"{made.file.as_uri()}?immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return sorted(title for (title,) in connection.execute("SELECT title FROM conversation"))


def damage(file: Path) -> None:
    """Overwrite six pages in the middle of the file, which only a check of the whole file finds.

    A write-ahead log may have newer copies of some of them.
    """
    with file.open("rb+") as opened:
        opened.seek(file.stat().st_size // 4096 // 2 * 4096)
        opened.write(b"\xa5" * 6 * 4096)


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def make_newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE paddock_version SET version_num = 'v99'")
        connection.commit()


UNUSABLE = [damage, truncate, empty, make_newer]


def files(folder: Path) -> dict[str, str]:
    """Return the hashes of the database's files; SQLite's index of the log holds no data."""
    return {
        name: value
        for name, value in hashes_of_files(folder).items()
        if name.startswith("paddock.sqlite3") and not name.endswith("-shm")
    }


def hashes_of_files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_bytes().hex() for path in folder.iterdir() if path.is_file()}


def copy_with_log(store: Store, file: Path, folder: Path) -> Path:
    """Copy a database in use, as a kill leaves it: with a write-ahead log."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    store.presets.save("ann", SavedPreset("1", "Kind", {}))
    folder.mkdir()
    for path in file.parent.glob("paddock.sqlite3*"):
        (folder / path.name).write_bytes(path.read_bytes())
    assert (folder / "paddock.sqlite3-wal").stat().st_size
    return folder / file.name
