"""The free memory, as the system and a container tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.local_models import memory

MEMINFO = "MemTotal:       2000000 kB\nMemFree:         100000 kB\nMemAvailable:    900000 kB\n"
FREE = 900_000 * 1024


def write_group(folder: Path, limit: str, used: int, cached: int) -> Path:
    folder.joinpath("memory.max").write_text(f"{limit}\n")
    folder.joinpath("memory.current").write_text(f"{used}\n")
    folder.joinpath("memory.stat").write_text(f"anon 5\ninactive_file {cached}\nactive_file 7\n")
    return folder


def test_free_memory(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    assert memory.read_free_memory(meminfo, tmp_path) is None
    meminfo.write_text(MEMINFO)
    assert memory.read_free_memory(meminfo, tmp_path) == FREE
    assert memory.read_free_memory(meminfo, write_group(tmp_path, "max", 10, 5)) == FREE
    # Cached files of the container are given back when memory is needed.
    assert memory.read_free_memory(meminfo, write_group(tmp_path, "1000", 400, 100)) == 700
    assert memory.read_free_memory(meminfo, write_group(tmp_path, "1000", 1200, 100)) == 0


def test_an_estimate_where_the_system_tells_the_whole_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "read_free_memory", lambda: None)
    monkeypatch.setattr(memory, "read_memory", lambda: 1000)
    assert (memory.estimate_free_memory(), memory.estimate_free_memory(500)) == (600, 100)
    assert memory.estimate_free_memory(900) == 0
    monkeypatch.setattr(memory, "read_memory", lambda: 0)
    assert memory.estimate_free_memory() is None
