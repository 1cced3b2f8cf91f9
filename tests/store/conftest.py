"""Every test that takes ``url`` or ``store`` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lib.store.store import Store
from tests.clock import Clock
from tests.store.backed_up_store import save
from tests.store.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """Return the tests' PostgreSQL server. Tests fail, not skip, if it cannot be started."""
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database that does not exist yet or is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/paddock.sqlite3"
    server: PostgresServer = request.getfixturevalue("server")
    return server.database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Return a store on a new database."""
    store = Store(url)
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stores(url: str, clock: Clock) -> Iterator[tuple[Store, Store]]:
    """Return two servers' stores on one database, which renew their leases only if a test says so."""
    with (
        closing(Store(url, clock, heartbeat_seconds=None)) as first,
        closing(Store(url, clock, heartbeat_seconds=None)) as second,
    ):
        yield first, second


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of ``sqlite_store``'s file."""
    return tmp_path / "data" / "paddock.sqlite3"


@pytest.fixture
def sqlite_store(file: Path, clock: Clock) -> Iterator[Store]:
    """Return a store on a SQLite file with one conversation, whose question is “first”."""
    with closing(Store(f"sqlite:///{file}", clock)) as store:
        save(store, "first")
        yield store
