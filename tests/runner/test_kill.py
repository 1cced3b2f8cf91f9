"""A process that is killed during a run: no cell is lost, and none is paid twice."""

from __future__ import annotations

from pathlib import Path

from tests.runner.kill_driver import run_with_kills


def test_billed_run(tmp_path: Path) -> None:
    """A request that may have been paid is never repeated: its cell stays in doubt until somebody retries it."""
    outcome = run_with_kills(f"sqlite:///{tmp_path}/p", 120, 2, billed=True, seed=1, wait=(0.0, 0.05))
    assert (outcome.kills, outcome.repeated, outcome.missing, outcome.forgotten) == (2, 0, 0, 0)
    assert 0 < outcome.doubtful <= outcome.max_repeated


def test_free_run(tmp_path: Path) -> None:
    """The requests that a kill interrupted are repeated, and no others."""
    outcome = run_with_kills(f"sqlite:///{tmp_path}/p", 120, 2, billed=False, seed=2, wait=(0.0, 0.05))
    assert (outcome.kills, outcome.missing, outcome.doubtful, outcome.forgotten) == (2, 0, 0, 0)
    assert 0 < outcome.repeated <= outcome.max_repeated
