"""The twin as the backend of the snippets, with the fixtures of its own tests."""

from __future__ import annotations

import pytest

from lib.api.backend import Backend, Secret
from tests.twin.conftest import TOKEN, RunningTwin, short_model, spawn, twin

__all__ = ["short_model", "spawn", "twin"]


@pytest.fixture(scope="session")
def backend(twin: RunningTwin) -> Backend:
    """Return the twin as a backend."""
    return Backend("twin", twin.base_url, twin.account, Secret(TOKEN), billed=False)
