"""The database's version: read, refused where it is newer than the code, and brought up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from lib.errors import NewerDatabase

VERSION_TABLE = "paddock_version"  # not Alembic's own name: the database may be another program's too
_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_233_425  # any number that is ours


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_FOLDER), version_locations=[str(_FOLDER / "versions")])


def newest_version() -> str:
    """The version that this code works with."""
    return _scripts().get_current_head() or ""


def read_version(connection: Connection) -> str | None:
    """The database's version, None where Paddock has never been."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608


def check_version(found: str | None) -> None:
    """Raises NewerDatabase for a version that this code does not know."""
    if found is not None and found not in {script.revision for script in _scripts().walk_revisions()}:
        raise NewerDatabase(
            f"The database is of version {found}; this Paddock knows versions up to {newest_version()} "
            "and leaves it alone.",
            advice="Update Paddock, or use another database. Until then conversations are kept in memory only.",
            retryable=True,
        )


def upgrade(connection: Connection, target: str = "head") -> None:
    """Bring it to that version, in the transaction that the connection is in."""
    if (
        connection.dialect.name == "postgresql"
    ):  # several servers may start at once; SQLite's writers queue anyway
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    check_version(read_version(connection))
    scripts = _scripts()

    def steps(revision: Any, _: object) -> Any:
        return scripts._upgrade_revs(target, revision)

    with EnvironmentContext(Config(), scripts, fn=steps, destination_rev=target) as environment:
        environment.configure(connection=connection, version_table=VERSION_TABLE)
        environment.run_migrations()
