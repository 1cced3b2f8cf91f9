"""Schema migration: the version of the database is read, checked, and brought up to date by Alembic."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from lib.errors import NewerDatabase, StorageFailed

VERSION_TABLE = "paddock_version"  # not Alembic's own name: the database may be another program's too
_FOLDER = Path(__file__).parent / "migrations"
# Folders with one script for each version. Tests add one with a later version.
VERSION_FOLDERS = (_FOLDER / "versions",)
_DEVELOPMENT_VERSIONS = ("1", "2", "3", "4", "5", "6")
_ADVISORY_LOCK = 7_233_425  # any fixed number will do
# Alembic's “op” is one for the whole process: without a lock, a migration could run on another database's connection.
# Whoever takes it before the transaction does not wait in SQLite, which gives up after a while, for a migration here.
PROCESS_LOCK = threading.RLock()


def _scripts() -> ScriptDirectory:
    return _load_scripts(VERSION_FOLDERS)


@cache
def _load_scripts(folders: tuple[Path, ...]) -> ScriptDirectory:
    scripts = ScriptDirectory(str(_FOLDER), version_locations=[str(folder) for folder in folders])
    # Alembic loads the scripts at their first use. Load them now: threads may share the result.
    if scripts.get_current_head() is None:
        # Alembic takes a folder that cannot be read, for example for want of a file handle, for an empty one.
        raise StorageFailed(
            f"The migrations that belong to Paddock cannot be read: {folders[0]}.",
            advice="If they are there, there are too few file handles: raise the limit (ulimit -n). "
            "Until then conversations are kept in memory only.",
            retryable=True,
        )
    return scripts


def newest_version() -> str:
    """Return the version that this code works with."""
    return _scripts().get_current_head() or ""


def read_version(connection: Connection) -> str | None:
    """Return the database's version, None if it has no tables of Paddock's."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608


def check_version(version: str | None, location: str) -> None:
    """Raise StorageFailed if this code cannot use a database of that version. ``location`` names it in the error."""
    if version in _DEVELOPMENT_VERSIONS:
        raise StorageFailed(
            f"The database was made by a development version of Paddock, which this one does not change: {location}.",
            advice="Move it away: a new one takes its place. Until then conversations are kept in memory only.",
            retryable=True,
        )
    if version is not None and version not in {script.revision for script in _scripts().walk_revisions()}:
        raise NewerDatabase(
            f"The database is of version {version}; this Paddock knows versions up to {newest_version()} "
            "and leaves it alone.",
            advice="Update Paddock, or use another database. Until then conversations are kept in memory only.",
            retryable=True,
        )


def upgrade(connection: Connection, location: str) -> None:
    """Bring the database to the newest version, in the transaction of ``connection``."""
    # Several servers may start at once. SQLite needs no lock: its writers queue anyway.
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    check_version(read_version(connection), location)
    scripts = _scripts()

    def steps(revision: Any, _: object) -> Any:
        return scripts._upgrade_revs("head", revision)

    context = EnvironmentContext(Config(), scripts, fn=steps, destination_rev="head")
    with PROCESS_LOCK, context as environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE)
        environment.run_migrations()
