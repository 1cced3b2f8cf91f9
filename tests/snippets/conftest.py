"""The twin that the programs ask: the fixtures of its own tests."""

from __future__ import annotations

import pytest

from lib.api.backend import Backend, Secret
from tests.twin.conftest import TOKEN, RunningTwin, spawn, twin

__all__ = ["spawn", "twin"]


@pytest.fixture(scope="session")
def backend(twin: RunningTwin) -> Backend:
    """The twin, as the page sees it."""
    return Backend("twin", twin.base_url, twin.account, Secret(TOKEN), billed=False)
