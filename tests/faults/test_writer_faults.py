"""Servers that change one conversation lose nothing and end with the same (long form: bench.faults.writers)."""

from __future__ import annotations

from pathlib import Path

from tests.faults.writer_faults import run_writer_faults

INTERLEAVINGS, SEED = 30, 20261130


def test_interleaved_writers(tmp_path: Path) -> None:
    counts = run_writer_faults(INTERLEAVINGS, SEED, f"sqlite:///{tmp_path}/paddock.sqlite3")
    print(f"seed {SEED}: {counts}")
    assert counts.failures == []
    assert counts.tried == counts.survived == INTERLEAVINGS
