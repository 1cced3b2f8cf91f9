"""A store of its own for each test, or two servers' stores on one database."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.store.store import Store
from tests.store.conftest import clock, stores  # noqa: F401 (fixtures)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/paddock.sqlite3"


@pytest.fixture
def store(url: str) -> Store:
    return Store(url)
