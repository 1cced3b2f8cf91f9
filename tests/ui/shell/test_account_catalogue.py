"""The list of the models of this computer: asked for again when they have changed, and never for nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from lib.api.backend import Backend, Secret, twin_backend
from lib.api.model_catalogue import Catalogue
from lib.errors import Unreachable
from lib.local_models.model_folder import InstalledModel, remove_model
from lib.local_models.supervised_twin import Ready
from lib.local_models.supervisor import Supervisor
from lib.ui.shell import account_catalogue
from lib.ui.shell.account_catalogue import find_list

TWIN = twin_backend("http://127.0.0.1:1/client/v4", "a" * 32, Secret("token"), "Small", 100)
OTHER = InstalledModel("address-0123", "Other", "other.gguf", 4, "")


class FakeCatalogue:
    """Counts how often the twin is asked for its list."""

    def __init__(self) -> None:
        self.count, self.is_failing = 0, False
        self.kept: Catalogue | None = None

    def find(self, backend: Backend) -> Catalogue | None:
        return self.kept

    def refresh(self, backend: Backend) -> Catalogue:
        self.count += 1
        if self.is_failing:
            raise Unreachable("The twin is starting.")
        self.kept = Catalogue((), datetime.now(UTC))
        return self.kept


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> FakeCatalogue:
    catalogue = FakeCatalogue()
    monkeypatch.setattr(account_catalogue, "model_catalogue", lambda: catalogue)
    monkeypatch.setattr(account_catalogue, "_asked", None)
    return catalogue


def test_the_twin_is_asked_again_when_its_models_have_changed(
    catalogue: FakeCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count() -> int:
        # As the parts of a page do.
        assert [find_list(TWIN) is catalogue.kept for _ in range(3)] == [True] * 3
        return catalogue.count

    assert count() == 1
    OTHER.path.parent.mkdir(parents=True)
    OTHER.path.write_bytes(b"GGUF")
    OTHER.save()
    assert count() == 2
    remove_model(OTHER.id)
    assert count() == 3
    monkeypatch.setattr(Supervisor, "state", property(lambda self: Ready(TWIN, "small.gguf", 4711)))
    assert count() == 4, "the twin has started again"


def test_a_twin_that_is_starting_is_not_asked_all_the_time(
    catalogue: FakeCatalogue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    catalogue.is_failing = True
    assert [find_list(TWIN) for _ in range(3)] == [None] * 3
    assert catalogue.count == 1
    monkeypatch.setattr(account_catalogue, "_RETRY_SECONDS", 0.0)
    catalogue.is_failing = False
    assert find_list(TWIN) is not None
    assert catalogue.count == 2
