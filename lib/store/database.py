"""The database behind the store: its connections, its version, and its errors in words for the page."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from lib.errors import BadInput, DamagedDatabase, NewerDatabase, PaddockError, StorageFailed
from lib.store import backup_restore, schema_migration, sqlite_file
from lib.store.backup import (
    Backup,
    BackupReason,
    Backups,
    check_database,
    create_part,
    delete_part,
    is_usable,
)
from lib.store.storage_errors import damaged_database, translate_database_error
from lib.system.paths import data_folder

BUSY_SECONDS = 2.0  # how long to wait while another process writes


def database_url(environment: Mapping[str, str]) -> str:
    """Return PADDOCK_DATABASE_URL, or the URL of a SQLite file in the data folder."""
    configured = environment.get("PADDOCK_DATABASE_URL", "").strip()
    return (
        configured or URL.create("sqlite", database=str(data_folder() / "paddock.sqlite3")).render_as_string()
    )


def parse_database_url(url: str) -> URL:
    """Return the URL with the driver that we use.

    Raise BadInput if the URL cannot be used. The error does not contain the URL, which may hold a password.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        parsed.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError):
        raise BadInput(
            "PADDOCK_DATABASE_URL is not an address of a database that can be used here.",
            advice="Use sqlite:////path/to/file or postgresql://user:password@host/name, and install the driver.",
        ) from None
    return parsed


class Database:
    """A database that opens at its first use, and again after a failure. Safe from any thread.

    ``generation`` counts how often it was opened, or its content replaced by a backup: what was known of the content
    before the last time may be wrong. ``backups`` is None unless it is SQLite.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self.url = parse_database_url(url)
        self.clock = clock
        self.generation = 0
        self.engine = self._engine()
        self._file = sqlite_file.file_of_url(self.url)
        self.backups = None if self._file is None else Backups(self._file, clock)
        self._content: int | None = None  # SQLite's user_version: a restored backup has another one
        self._opened_file: tuple[int, int] | None = None  # its identity
        self._checked_file: tuple[int, int] | None = None  # that of the file that was found undamaged
        self._opened = False
        self._lock = threading.RLock()
        self._writer_queue = threading.Lock()

    @property
    def name(self) -> str:
        """The path of the file, or the URL without its password."""
        return str(self._file) if self._file else self.url.render_as_string(hide_password=True)

    def now(self) -> int:
        """Return the time in milliseconds since 1970."""
        return int(self.clock() * 1000)

    def reading(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees one state of the database. Raise StorageFailed if the database fails."""
        return self._connect(reads=True)

    def writing(self) -> AbstractContextManager[Connection]:
        """Give a connection whose changes take effect together, at the end. Raise StorageFailed if that fails."""
        return self._connect(reads=False)

    @contextmanager
    def _connect(self, *, reads: bool) -> Iterator[Connection]:
        self.open()
        # SQLite has one writer at a time, and waiting connections only poll for their turn: queue here instead.
        queue: AbstractContextManager[Any] = (
            self._writer_queue if self._file is not None and not reads else nullcontext()
        )
        with self._translated_errors(), queue:
            options: dict[str, Any] = {"paddock_reads": reads}
            if reads and self.engine.dialect.name == "postgresql":
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                if self._file is not None:
                    self._notice_restore(connection)
                yield connection

    def open(self) -> None:
        """Connect and migrate, unless that is done. Raise StorageFailed if that fails or the version is another."""
        with self._lock, self._translated_errors():
            self._check_file()
            if self._opened:
                return
            if self._file is not None and self._opened_file is None:
                sqlite_file.create_file(self._file)
            if self._file is not None:
                sqlite_file.align_permissions(self._file)
            if self._version() != schema_migration.newest_version():
                with schema_migration.PROCESS_LOCK, self.engine.connect() as connection, connection.begin():
                    self._back_up_before_migration(connection)
                    schema_migration.upgrade(connection, self.name)
            self._opened_file = sqlite_file.file_identity(self._file)
            self._opened = True
            self.generation += 1

    def close(self) -> None:
        """Close all connections. The next use opens the database again."""
        with self._lock:
            self._opened = False
            self.engine.dispose()

    def back_up_daily(self) -> None:
        """Make the day's backup unless there is one. Raise StorageFailed if the database or its backup fails."""
        if self.backups is None:
            return
        try:
            self.open()
            with self._translated_errors():
                if self.backups.make_daily():
                    self.backups.problem = None
        except PaddockError as error:
            self.backups.problem = error.with_traceback(None)
            raise

    def _back_up_before_migration(self, connection: Connection) -> None:
        # The connection has SQLite's lock for writing, so another process has either migrated already or waits.
        version = schema_migration.read_version(connection)
        if self.backups is not None and version and version != schema_migration.newest_version():
            self.backups.make_before_migration(version)

    def restore(self, backup: Backup) -> bool:
        """Replace the content by a backup's. Return True if the present content was backed up first.

        A database that cannot be used is moved aside with all its files instead. Raise StorageFailed if the backup or
        the database fails; nothing has changed then.
        """
        if self.backups is None or self._file is None:
            raise StorageFailed("Only a SQLite database has backups.")
        with self._writer_queue, self._lock, self._translated_errors():
            if not is_usable(backup):
                raise StorageFailed(f"The backup is damaged or of another version: {backup.file}.")
            part = create_part(self._file.parent)
            try:
                backup_restore.prepare_copy(backup.file, part)
                try:
                    self.open()
                    with self._translated_errors():
                        self.backups.make(BackupReason.BEFORE_RESTORE)
                except (DamagedDatabase, NewerDatabase):
                    self.close()
                    backup_restore.put_in_place(self._file, part)
                    was_backed_up = False
                else:
                    backup_restore.overwrite(self._file, part)
                    was_backed_up = True
            finally:
                delete_part(part)
            self.close()
            self.open()
            return was_backed_up

    def _notice_restore(self, connection: Connection) -> None:
        """Count a new generation if this transaction sees other content, restored by whichever process."""
        content = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        if content != self._content:
            if self._content is not None:
                self.generation += 1
            self._content = content

    def _check_file(self) -> None:
        """Raise StorageFailed if the file is gone. SQLite itself would go on writing to the deleted file."""
        if self._file is None:
            return
        if self._is_emptied(self._file):
            raise damaged_database(f"The database's file is empty, but it once had content: {self._file}.")
        if self._opened_file is None:
            return
        identity = sqlite_file.file_identity(self._file)
        if identity != self._opened_file:
            self.close()
        if identity is None:
            raise StorageFailed(
                f"The database's file is gone: {self._file}.",
                advice="Put it back. Conversations are kept in memory meanwhile and written as soon as it is there.",
                retryable=True,
            )

    def _is_emptied(self, file: Path) -> bool:
        """Return True if the file is empty, but was not always.

        An empty file without backups and write-ahead log counts as a new one: somebody may have made it on purpose.
        """
        if not sqlite_file.is_empty(file):
            return False
        was_opened = self._opened and sqlite_file.file_identity(file) == self._opened_file
        has_log = not sqlite_file.is_empty(file.with_name(f"{file.name}-wal"), if_missing=True)
        return was_opened or has_log or bool(self.backups and self.backups.entries())

    def _version(self) -> str | None:
        """Read and check the version. A file of another version, or a damaged one, must not change by a byte."""
        if self._file is None:
            with self.engine.connect() as connection:
                version = schema_migration.read_version(connection)
                schema_migration.check_version(version, self.name)
                return version
        log = self._file.with_name(f"{self._file.name}-wal")
        # Without a -wal file nobody has the database open. “immutable” then creates none either.
        is_immutable = not log.exists()
        uri = f"{self._file.as_uri()}?{'immutable=1' if is_immutable else 'mode=ro'}"
        reader = create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)
        )
        try:
            with closing(reader.connect()) as connection:
                version = schema_migration.read_version(connection)
                schema_migration.check_version(version, self.name)
                self._check_undamaged(connection)
                return version
        except (DamagedDatabase, SQLAlchemyError, sqlite3.Error):
            # If another process has opened the database meanwhile, “immutable” may have read half a change.
            if is_immutable and log.exists():
                return self._version()
            raise
        finally:
            reader.dispose()

    def _check_undamaged(self, connection: Connection) -> None:
        """Raise DamagedDatabase if the file is damaged. Each file is checked once, for that takes time."""
        identity = sqlite_file.file_identity(self._file)
        if identity is not None and identity != self._checked_file:
            driver_connection: Any = connection.connection.driver_connection
            check_database(driver_connection, self.name)
            self._checked_file = identity

    def _name_backup(self, error: PaddockError) -> None:
        """Name the backup to use in the advice of an error that says that the database cannot be used."""
        if not isinstance(error, DamagedDatabase | NewerDatabase):
            return
        self._checked_file = None
        newest = self.backups.newest_usable() if self.backups else None
        if newest is not None:
            way = f"The newest usable backup is {newest.file}: History → Files restores it, on this machine only."
        else:
            way = "There is no usable backup. Once the file is moved away, a new one takes its place."
        error.advice = " ".join(filter(None, (error.advice, way)))

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn every error in here into StorageFailed, which never contains SQL, its values or a password."""
        try:
            yield
        except PaddockError as error:
            self._name_backup(error)
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError, OverflowError) as error:
            storage_error, is_connection_lost = translate_database_error(error, self.name)
            if is_connection_lost:
                self.close()
            self._name_backup(storage_error)
            raise storage_error from None

    def _engine(self) -> Engine:
        if self.url.get_backend_name() == "sqlite":
            engine = create_engine(self.url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
            event.listen(engine, "connect", _set_pragmas)
            event.listen(engine, "begin", _begin_transaction)
            return engine
        arguments: dict[str, Any] = {}
        # Do not wait for a server that died without closing its connections.
        if self.url.get_driver_name() == "psycopg":
            arguments = {
                "connect_timeout": 5,
                "tcp_user_timeout": 10_000,
                "options": "-c lock_timeout=5s -c statement_timeout=60s",
            }
        return create_engine(self.url, hide_parameters=True, pool_pre_ping=True, connect_args=arguments)


def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
    # Python's own transaction handling would leave CREATE TABLE outside the transaction.
    connection.isolation_level = None
    # The database may be read-only or locked. It can be read without WAL mode too.
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    # In WAL mode this survives the death of the process, though not always that of the machine.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_transaction(connection: Connection) -> None:
    # A writer takes its lock at once: a transaction that began as a reader fails instead of waiting for another one.
    reads = connection.get_execution_options().get("paddock_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
