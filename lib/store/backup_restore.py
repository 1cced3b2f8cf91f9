"""Restores a backup: prepares a copy of it, and puts the copy in the place of the database's content."""

from __future__ import annotations

import secrets
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, create_engine

from lib.store import schema_migration, tables
from lib.store.backup import copy_database, sync_file, sync_folder

_LOCK_SECONDS = 10.0  # to wait for writers of other processes
_COMPANIONS = ("-wal", "-shm", "-journal")


def prepare_copy(backup: Path, part: Path) -> None:
    """Copy the backup into an empty file, with the newest schema version and a new content number.

    The number is SQLite's user_version. It tells every process that what it knew of the content is not true any more.
    Raise StorageFailed, or an error of SQLite or the system, if the backup cannot be used.
    """
    schema_migration.check_version(copy_database(backup, part), str(backup))
    engine = create_engine(URL.create("sqlite", database=str(part)))
    try:
        with engine.begin() as connection:
            schema_migration.upgrade(connection, str(backup))
            # Those of the backup's time: what was running then is not running on this content.
            connection.execute(tables.lease.delete())
            connection.exec_driver_sql(f"PRAGMA user_version={secrets.randbelow(2**31 - 1) + 1}")
    finally:
        engine.dispose()
    sync_file(part)


def overwrite(file: Path, copy: Path) -> None:
    """Replace the content of a sound database by the copy's, in one transaction.

    Other processes have the file open, so that it must not be moved: they see the new content from their next
    transaction on. Raise an error of SQLite or the system; nothing has changed then.
    """
    deadline = time.monotonic() + _LOCK_SECONDS

    def give_up(status: int, *_: int) -> None:
        # Python itself would wait for the lock for ever.
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")

    with closing(sqlite3.connect(copy)) as reader, closing(sqlite3.connect(file)) as writer:
        reader.backup(writer, progress=give_up, sleep=0.05)


def put_in_place(file: Path, copy: Path) -> Path:
    """Put the copy in the place of a database that cannot be used. Return where that one is now, with its companions.

    A kill leaves either the unusable database or the copy in place.
    """
    aside = file.with_name(f"{file.name}.unusable-{datetime.now(UTC):%Y-%m-%dT%H%M%S.%fZ}")
    aside.hardlink_to(file)
    # The copy must not find the other database's write-ahead log: SQLite would apply it.
    for suffix in _COMPANIONS:
        companion = file.with_name(file.name + suffix)
        if companion.exists():
            companion.replace(aside.with_name(aside.name + suffix))
    sync_folder(file.parent)
    copy.replace(file)
    sync_folder(file.parent)
    return aside
