"""The database behind the store: its connections, its version, and its errors in words for the page."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from lib.errors import BadInput, PaddockError, StorageFailed
from lib.paths import data_folder
from lib.store import schema_migration
from lib.store.storage_errors import translate_database_error

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

    ``generation`` counts how often it was opened: what was known of its content before the last time may be wrong.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self.url = parse_database_url(url)
        self.clock = clock
        self.generation = 0
        self.engine = self._engine()
        self._file = _sqlite_file(self.url)
        self._opened_file: tuple[int, int] | None = None  # its identity
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
                yield connection

    def open(self) -> None:
        """Connect and migrate, unless that is done. Raise StorageFailed if that fails or the version is another."""
        with self._lock, self._translated_errors():
            self._check_file()
            if self._opened:
                return
            if self._file is not None and self._opened_file is None:
                _create_file(self._file)
            if self._file is not None:
                _align_permissions(self._file)
            if self._version() != schema_migration.newest_version():
                with self.engine.connect() as connection, connection.begin():
                    schema_migration.upgrade(connection, self.name)
            self._opened_file = _file_identity(self._file)
            self._opened = True
            self.generation += 1

    def close(self) -> None:
        """Close all connections. The next use opens the database again."""
        with self._lock:
            self._opened = False
            self.engine.dispose()

    def _check_file(self) -> None:
        """Raise StorageFailed if the file is gone. SQLite itself would go on writing to the deleted file."""
        if self._opened_file is None or self._file is None:
            return
        identity = _file_identity(self._file)
        if identity != self._opened_file:
            self.close()
        if identity is None:
            raise StorageFailed(
                f"The database's file is gone: {self._file}.",
                advice="Put it back. Conversations are kept in memory meanwhile and written as soon as it is there.",
                retryable=True,
            )

    def _version(self) -> str | None:
        """Read and check the version. A file of another version must not change by a byte."""
        if self._file is None:
            with self.engine.connect() as connection:
                version = schema_migration.read_version(connection)
        else:
            # Without a -wal file nobody has the database open. “immutable” then creates none either.
            mode = "mode=ro" if self._file.with_name(f"{self._file.name}-wal").exists() else "immutable=1"
            uri = f"{self._file.as_uri()}?{mode}"
            reader = create_engine(
                "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)
            )
            try:
                with closing(reader.connect()) as connection:
                    version = schema_migration.read_version(connection)
            finally:
                reader.dispose()
        schema_migration.check_version(version, self.name)
        return version

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn every error in here into StorageFailed, which never contains SQL, its values or a password."""
        try:
            yield
        except PaddockError:
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError, OverflowError) as error:
            storage_error, is_connection_lost = translate_database_error(error, self.name)
            if is_connection_lost:
                self.close()
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


def _sqlite_file(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite":
        return None
    if not url.database or url.database == ":memory:" or url.query:
        raise BadInput(
            "A SQLite database must be a plain file.",
            advice="Use sqlite:////path/to/file, without a question mark.",
        )
    return Path(url.database).absolute()


def _create_file(file: Path) -> None:
    """Create an empty file that only its owner can read, unless it exists: conversations are private."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _align_permissions(file: Path) -> None:
    """Give the database's permissions to the -wal and -shm files beside it.

    SQLite copies the permissions when it creates these files. If the database became writable only later, they would
    keep it read-only.
    """
    for suffix in ("-wal", "-shm"):
        companion = file.with_name(file.name + suffix)
        with suppress(OSError):
            if companion.stat().st_mode != file.stat().st_mode:
                companion.chmod(file.stat().st_mode & 0o777)


def _file_identity(file: Path | None) -> tuple[int, int] | None:
    """Return device and inode, None if there is no file."""
    if file is None:
        return None
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


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
