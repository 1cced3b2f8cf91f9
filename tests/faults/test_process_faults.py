"""Kills in an answer, with its troubles, and in an import lose nothing (long form: bench.faults.processes)."""

from __future__ import annotations

from tests.faults.process_faults import kill_answer, kill_import, run_process_faults

KILLS, SEED = 6, 20261130


def test_kills() -> None:
    kinds = (*3 * (("answer", kill_answer),), ("import", kill_import))
    # A busy machine may save late; the long form holds Paddock to its second.
    counts = run_process_faults(KILLS, SEED, kinds, max_seconds_lost=30.0)
    print(f"seed {SEED}: {counts}")
    assert counts.failures == []
    assert counts.tried == counts.survived >= KILLS
