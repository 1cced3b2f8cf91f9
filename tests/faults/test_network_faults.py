"""A faulty network ends in the right text or a typed error in both clients (long form: bench.faults.network)."""

from __future__ import annotations

from tests.faults.network_faults import KINDS, run_network_faults

FAULTS, SEED = len(KINDS), 20261130


def test_network_faults() -> None:
    counts = run_network_faults(FAULTS, SEED)
    print(f"seed {SEED}: {counts}")
    for client_counts in counts.values():
        assert client_counts.failures == []
        assert client_counts.tried == FAULTS == client_counts.right + client_counts.errors
        assert client_counts.right > 0
