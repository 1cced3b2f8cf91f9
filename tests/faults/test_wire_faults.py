"""Damaged replies end in the right text or a typed error, alike in both clients (long form: bench.faults.wire)."""

from __future__ import annotations

from tests.faults.wire_faults import run_wire_faults

STREAMS, SEED = 300, 20261130


def test_damaged_replies() -> None:
    counts = run_wire_faults(STREAMS, SEED)
    print(f"seed {SEED}: {counts}")
    for client_counts in counts.values():
        assert client_counts.failures == []
        assert client_counts.tried == STREAMS == client_counts.right + client_counts.errors
        assert client_counts.right > STREAMS / 10
        assert len(client_counts.error_classes) > 3, "many kinds of damage were met"
