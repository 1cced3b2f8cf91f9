"""Paths on a machine that knows no home folder of the user, as in some containers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lib.errors import BadInput
from lib.system import paths
from lib.twin import lora_finetunes, weights
from lib.twin.engine_errors import CannotStartError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no passwd file")


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    def no_entry(*_: object) -> None:
        raise KeyError("no such user")

    for name in ("HOME", "XDG_DATA_HOME", "PADDOCK_DATA_DIR", "PADDOCK_MODEL", "PADDOCK_ADAPTERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    monkeypatch.setattr(pwd, "getpwnam", no_entry)


def test_without_a_home_folder_the_data_folder_has_to_be_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match="no home folder") as refused:
        paths.data_folder()
    assert "PADDOCK_DATA_DIR" in refused.value.advice
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path))
    assert paths.data_folder() == tmp_path


def test_the_weights_say_the_same() -> None:
    with pytest.raises(CannotStartError, match="no home folder"):
        weights.ensure_weights()


@pytest.mark.parametrize("path", ["~/models", "~nobody/models"])
def test_a_path_below_a_home_folder_that_is_not_known(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    for variable, read in (
        ("PADDOCK_ADAPTERS", lora_finetunes._find_user_files),
        ("PADDOCK_MODEL", weights.ensure_weights),
    ):
        monkeypatch.setenv(variable, path)
        with pytest.raises(CannotStartError, match=f"{variable} begins with a home folder"):
            read()
    monkeypatch.setenv("PADDOCK_DATA_DIR", path)
    with pytest.raises(BadInput, match="PADDOCK_DATA_DIR begins with a home folder"):
        paths.data_folder()
