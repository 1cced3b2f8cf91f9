"""Backups of the SQLite database: whole, checked files in the folder “backups” beside it, made while it is in use."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from lib.errors import PaddockError
from lib.store.schema_migration import VERSION_TABLE, check_version
from lib.store.storage_errors import damaged_database

PAGES_PER_STEP = 1024  # of 4 KB
_MAX_PART_SECONDS = 3600.0  # an unfinished file older than this belongs to a process that was killed
_RETRY_SECONDS = 600.0
_TIMEOUT = 5.0  # seconds to wait for a lock


class BackupReason(StrEnum):
    """Why a backup was made; the value is part of the file's name."""

    DAILY = "daily"
    BEFORE_MIGRATION = "before-migration"
    BEFORE_RESTORE = "before-restore"


# Each kind is counted apart, so that no daily backup pushes out the one made before a migration.
_KEPT = {BackupReason.DAILY: 7, BackupReason.BEFORE_MIGRATION: 3, BackupReason.BEFORE_RESTORE: 3}


@dataclass(frozen=True)
class Backup:
    """A backup's file, the UTC time it was made (midnight if it is a daily one), and its schema version."""

    file: Path
    made: datetime
    version: str
    reason: BackupReason


class Backups:
    """The backups of one database file. ``clock`` gives seconds since 1970. Safe in several processes at once.

    ``problem`` says why the last daily backup could not be made.
    """

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder = file.parent / "backups"
        self.problem: PaddockError | None = None
        self._file = file
        self._clock = clock
        self._last_day = ""
        self._migrated_version = ""
        self._next_try = 0.0
        reasons = "|".join(BackupReason)
        self._name = re.compile(
            rf"{re.escape(file.stem)}-(\d{{4}}-\d\d-\d\d)(?:T(\d{{6}}\.\d{{6}})Z)?-(\w+)-({reasons}){re.escape(file.suffix)}",
            re.ASCII,
        )

    def entries(self) -> tuple[Backup, ...]:
        """Return all backups, newest first. They are not checked."""
        try:
            files = list(self.folder.iterdir())
        except OSError:
            return ()
        backups = []
        for file in files:
            if (match := self._name.fullmatch(file.name)) is None:
                continue
            day, time_of_day, version, reason = match.groups()
            with suppress(ValueError):  # no day of the calendar
                made = datetime.strptime(f"{day}{time_of_day or '000000.0'}+0000", "%Y-%m-%d%H%M%S.%f%z")
                backups.append(Backup(file, made, version, BackupReason(reason)))
        return tuple(sorted(backups, key=lambda backup: (backup.made, backup.file.name), reverse=True))

    def newest_usable(self) -> Backup | None:
        """Return the newest backup that is undamaged and that this version of Paddock can use."""
        return next((backup for backup in self.entries() if is_usable(backup)), None)

    def make_daily(self) -> bool:
        """Make the day's backup unless there is one. Return True if there is one now.

        Raise an error of SQLite, the system or Paddock's tree; calls in the next ten minutes then return False.
        """
        now = self._clock()
        today = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
        if today == self._last_day:
            return True
        if now < self._next_try:
            return False
        if not any(
            backup.reason is BackupReason.DAILY and f"{backup.made:%Y-%m-%d}" == today
            for backup in self.entries()
        ):
            self._next_try = now + _RETRY_SECONDS
            self.make(BackupReason.DAILY)
            self._next_try = 0.0
        self._last_day = today
        return True

    def make_before_migration(self, version: str) -> None:
        """Make the backup before a migration from that version, once: a migration that fails is tried again."""
        if version != self._migrated_version:
            self.make(BackupReason.BEFORE_MIGRATION)
            self._migrated_version = version

    def make(self, reason: BackupReason) -> Backup:
        """Copy the database as it is now, and delete what is too old. Writers go on meanwhile.

        Raise DamagedDatabase or an error of SQLite or the system; no backup is lost then.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        part = create_part(self.folder)
        try:
            version = copy_database(self._file, part)
            made = datetime.fromtimestamp(self._clock(), UTC)
            stamp = f"{made:%Y-%m-%dT%H%M%S.%fZ}"
            # Two processes may make the day's backup at once: the later one replaces the other's, which is as good.
            if reason is BackupReason.DAILY:
                made = datetime(made.year, made.month, made.day, tzinfo=UTC)
                stamp = f"{made:%Y-%m-%d}"
            file = self.folder / f"{self._file.stem}-{stamp}-{version}-{reason}{self._file.suffix}"
            part.replace(file)
            sync_folder(self.folder)
        finally:
            delete_part(part)
        self._delete_surplus()
        return Backup(file, made, version, reason)

    def _delete_surplus(self) -> None:
        backups = self.entries()
        for reason, count in _KEPT.items():
            for backup in [backup for backup in backups if backup.reason is reason][count:]:
                backup.file.unlink(missing_ok=True)
        for part in self.folder.glob("*.part*"):
            with suppress(OSError):  # another process may have finished it
                if time.time() - part.stat().st_mtime > _MAX_PART_SECONDS:
                    part.unlink()


def is_usable(backup: Backup) -> bool:
    """Return True if the backup is undamaged and of a version that this code knows."""
    with suppress(OSError):
        status = backup.file.stat()
        return _is_usable(backup.file, status.st_size, status.st_mtime_ns)
    return False


@lru_cache(maxsize=64)
def _is_usable(file: Path, size: int, changed: int) -> bool:
    """Check the file once for each size and time of change: a failing database asks for this again and again."""
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?immutable=1", uri=True)) as connection:
            check_database(connection, str(file))
            check_version(_read_version(connection), str(file))
    except (sqlite3.Error, PaddockError):
        return False
    return True


def check_database(connection: sqlite3.Connection, name: str) -> None:
    """Raise DamagedDatabase if SQLite finds the database damaged."""
    rows = connection.execute("PRAGMA quick_check(1)").fetchall()
    if rows != [("ok",)]:
        raise damaged_database(f"The file is damaged: {name}.")


def _read_version(connection: sqlite3.Connection) -> str:
    (version,) = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608
    return str(version)


def create_part(folder: Path) -> Path:
    """Create an empty file for an unfinished copy, which only its owner can read."""
    handle, name = tempfile.mkstemp(suffix=".part", dir=folder)
    os.close(handle)
    return Path(name)


def delete_part(part: Path) -> None:
    """Delete an unfinished copy and SQLite's files beside it, unless they are gone."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        part.with_name(part.name + suffix).unlink(missing_ok=True)


def copy_database(source: Path, target: Path, progress: Callable[[int, int, int], None] | None = None) -> str:
    """Copy a database into an empty file, and return its schema version. The copy is checked and on the disk.

    Raise DamagedDatabase if the copy is damaged, which is the source's fault. ``progress`` is called after each step
    with SQLite's result code, and the pages that remain and that there are.
    """
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=_TIMEOUT)) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as writer,
    ):
        # One transaction for all steps: a change by another process would else begin the copy again. In WAL mode
        # a reader holds up no writer.
        reader.execute("BEGIN")
        version = _read_version(reader)
        reader.backup(writer, pages=PAGES_PER_STEP, progress=progress)
        # One file without companions, which can be read where nothing can be written.
        writer.execute("PRAGMA journal_mode=DELETE").fetchall()
        check_database(writer, str(source))
    sync_file(target)
    return version


def sync_file(file: Path) -> None:
    """Return when the file's content is on the disk."""
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


def sync_folder(folder: Path) -> None:
    """Return when the folder's entries are on the disk, where the system can say so."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
