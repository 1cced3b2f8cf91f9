"""What holds for every test: none of this machine's environment, and no deadline for slow machines."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# No deadlines: a slow machine is no failure.
settings.register_profile("paddock", deadline=None)
settings.load_profile("paddock")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither proxies nor credentials of the machine that the tests run on."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("CLOUDFLARE_"):
            monkeypatch.delenv(name)
