"""A store of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/paddock.sqlite3")
