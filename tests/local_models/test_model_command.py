"""The command that lists, downloads and removes models: the licence is accepted once, before the first byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lib.errors import BadInput
from lib.local_models import listed_models, model_source
from lib.local_models.__main__ import main
from lib.local_models.licences import LLAMA_3_2
from lib.local_models.model_source import (
    CATALOGUE,
    ModelFile,
    RemoteModel,
    ShippedModel,
    parse_source,
)
from lib.local_models.transfer_rate import TransferRate, format_seconds
from tests.local_models.model_server import ModelServer, cut_at, refuse
from tests.local_models.test_model_download import CONTENT, PINNED, SIZE

(LLAMA,) = CATALOGUE


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """Serve a small file under the name of the catalogue's model."""
    small = replace(PINNED, id=LLAMA.id, name=LLAMA.name, licence=LLAMA.licence)
    for module in (model_source, listed_models):
        monkeypatch.setattr(module, "CATALOGUE", (small,))
    monkeypatch.setenv("PADDOCK_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with ModelServer(CONTENT) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def test_a_model_is_accepted_downloaded_listed_and_removed(
    server: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    assert "2 MB to download" in capsys.readouterr().out
    # Without a terminal nobody can be asked.
    assert main([LLAMA.id]) == 1
    assert "--accept-licence" in capsys.readouterr().err
    assert server.requests == []
    server.scripts.extend([cut_at(SIZE // 2), refuse(404)])
    assert main([LLAMA.id, "--accept-licence"]) == 1
    assert "What has come so far is kept" in capsys.readouterr().err
    main([])
    assert "1 of 2 MB downloaded" in capsys.readouterr().out
    assert main([LLAMA.id]) == 0
    printed = capsys.readouterr()
    assert Path(printed.out.strip()).read_bytes() == CONTENT
    assert f"Downloading {LLAMA.name}: 2 of 2 MB" in printed.err
    main([])
    assert "on this computer" in capsys.readouterr().out
    kept = tmp_path / "licences" / "llama-3.2"
    assert kept.joinpath("LICENSE.txt").read_text(encoding="utf-8").startswith("LLAMA 3.2 COMMUNITY LICENSE")
    assert "Copyright © Meta Platforms" in kept.joinpath("NOTICE.txt").read_text(encoding="utf-8")
    assert main([LLAMA.id, "--remove"]) == 0
    assert main([LLAMA.id, "--remove"]) == 0
    assert capsys.readouterr().out == f"{LLAMA.name} is removed.\n{LLAMA.name} is not here.\n"
    # Accepted once.
    assert main([LLAMA.id]) == 0


def test_a_changed_licence_is_accepted_again(server: ModelServer, tmp_path: Path) -> None:
    LLAMA_3_2.accept()
    assert LLAMA_3_2.is_accepted()
    (tmp_path / "licences" / "llama-3.2" / "accepted.json").write_text(
        json.dumps({"sha256": "of another text"})
    )
    assert not LLAMA_3_2.is_accepted()


def test_what_a_user_names() -> None:
    assert parse_source("llama-3.2-1b") is LLAMA
    assert parse_source("smollm2-135m") == ShippedModel()
    assert parse_source("models/x.gguf") == ModelFile(Path("models/x.gguf"))
    named = parse_source("https://files.example/a/My%20Model%2Fx.gguf?download=true")
    assert isinstance(named, RemoteModel)
    assert (named.name, named.file, named.host) == ("My-Model-x", "My-Model-x.gguf", "files.example")
    for address in (
        "http://x/y.gguf",
        "https://",
        "https://user:secret@x/y.gguf",
        "https://x:0/",
        "ftp://x/y",
    ):
        with pytest.raises(BadInput) as caught:
            parse_source(address)
        assert "secret" not in caught.value.message + caught.value.advice


def test_rate_and_time_left() -> None:
    rate = TransferRate()
    for second in range(30):
        rate.add(float(second), second * 1_000_000 if second < 20 else 20_000_000 + (second - 20) * 2_000_000)
    assert rate.bytes_per_second == pytest.approx(2_000_000, rel=0.11)
    rate.add(31.0, 0)
    assert rate.bytes_per_second == 0
    assert [format_seconds(seconds) for seconds in (40, 185, 4800)] == ["40 s", "3 min", "1 h 20 min"]
