"""The database behind the store: connected, versioned, and its failures in the page's words."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from lib.errors import BadInput, PaddockError, StorageFailed
from lib.paths import data_folder
from lib.store import schema_migration
from lib.store.storage_errors import translate_database_error

BUSY_SECONDS = 2.0  # how long to wait for another process that writes


def database_url(environment: Mapping[str, str]) -> str:
    """The database's URL: PADDOCK_DATABASE_URL, or a SQLite file in the data folder."""
    named = environment.get("PADDOCK_DATABASE_URL", "").strip()
    return named or URL.create("sqlite", database=str(data_folder() / "paddock.sqlite3")).render_as_string()


def parse_database_url(url: str) -> URL:
    """The URL with the driver that we use. Raises BadInput, without the URL in it: it may hold a password."""
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
    """Opens itself when it is first used, and again after a failure. Safe from any thread.

    ``generation`` counts the openings: what was known of the content before is not to be relied on after one.
    """

    def __init__(self, url: str) -> None:
        self.url = parse_database_url(url)
        self.generation = 0
        self.engine = self._engine()
        self._file = _sqlite_file(self.url)
        self._inode: tuple[int, int] | None = None  # of the file that was opened
        self._opened = False
        self._lock = threading.RLock()
        self._queue = threading.Lock()

    @property
    def name(self) -> str:
        """Where it is, as it may be shown."""
        return str(self._file) if self._file else self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database. Raises StorageFailed."""
        with self._use(reads=True) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose work takes effect as a whole, at the end. Raises StorageFailed."""
        with self._use(reads=False) as connection:
            yield connection

    @contextmanager
    def _use(self, *, reads: bool) -> Iterator[Connection]:
        self.open()
        # SQLite has one writer at a time, and those who wait for it look again only now and then: queue here.
        queue: AbstractContextManager[Any] = (
            self._queue if self._file is not None and not reads else nullcontext()
        )
        with self._failures(), queue:
            options: dict[str, Any] = {"paddock_reads": reads}
            if reads and self.engine.dialect.name == "postgresql":
                options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection

    def open(self) -> None:
        """Connect and bring the tables up to date, unless that is done. Raises StorageFailed."""
        with self._lock, self._failures():
            self._check_file()
            if self._opened:
                return
            if self._file is not None and self._inode is None:
                _create_file(self._file)
            if self._file is not None:
                _align_permissions(self._file)
            if self._version() != schema_migration.newest_version():
                with self.engine.connect() as connection, connection.begin():
                    schema_migration.upgrade(connection)
            self._inode = _file_identity(self._file)
            self._opened = True
            self.generation += 1

    def close(self) -> None:
        """Let go of every connection; the next use opens again."""
        with self._lock:
            self._opened = False
            self.engine.dispose()

    def _check_file(self) -> None:
        """SQLite would go on writing to a file that has no name any more: see that it is still there."""
        if self._inode is None or self._file is None:
            return
        found = _file_identity(self._file)
        if found != self._inode:
            self.close()
        if found is None:
            raise StorageFailed(
                f"The database's file is gone: {self._file}.",
                advice="Put it back. Conversations are kept in memory meanwhile and written as soon as it is there.",
                retryable=True,
            )

    def _version(self) -> str | None:
        """Read without a trace: of a file that is to be left alone not a byte must change."""
        if self._file is None:
            with self.engine.connect() as connection:
                found = schema_migration.read_version(connection)
        else:
            # Without a log beside it nobody has it open: “immutable” makes none either.
            mode = "mode=ro" if self._file.with_name(f"{self._file.name}-wal").exists() else "immutable=1"
            uri = f"{self._file.as_uri()}?{mode}"
            reader = create_engine(
                "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)
            )
            try:
                with closing(reader.connect()) as connection:
                    found = schema_migration.read_version(connection)
            finally:
                reader.dispose()
        schema_migration.check_version(found)
        return found

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What goes wrong in here is a StorageFailed, and never holds SQL, its values or a password."""
        try:
            yield
        except PaddockError:
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError, OverflowError) as error:
            failed, lost = translate_database_error(error, self.name)
            if lost:
                self.close()
            raise failed from None

    def _engine(self) -> Engine:
        if self.url.get_backend_name() == "sqlite":
            engine = create_engine(self.url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
            event.listen(engine, "connect", _set_pragmas)
            event.listen(engine, "begin", _begin_transaction)
            return engine
        arguments: dict[str, Any] = {}
        if (
            self.url.get_driver_name() == "psycopg"
        ):  # a server that has died without a word must not be waited for
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
    """An empty file that only its owner can read: conversations are private."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _align_permissions(file: Path) -> None:
    """The files that SQLite puts beside it have its rights, also after those have changed: or it stays read-only."""
    for suffix in ("-wal", "-shm"):
        beside = file.with_name(file.name + suffix)
        with suppress(OSError):
            if beside.stat().st_mode != file.stat().st_mode:
                beside.chmod(file.stat().st_mode & 0o777)


def _file_identity(file: Path | None) -> tuple[int, int] | None:
    if file is None:
        return None
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _set_pragmas(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # Python's own way to begin would leave the making of tables outside
    with suppress(sqlite3.OperationalError):  # read-only or locked: what can be read can be read without it
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("PRAGMA synchronous=NORMAL")  # in WAL mode enough for any death but the machine's own
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_transaction(connection: Connection) -> None:
    # A writer takes its lock at once: one that began as a reader cannot wait for another's, it fails.
    reads = connection.get_execution_options().get("paddock_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
