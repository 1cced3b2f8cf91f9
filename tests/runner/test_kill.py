"""A process that is killed during a run: no cell is lost, and none is paid twice."""

from __future__ import annotations

from pathlib import Path

from tests.runner.kill_driver import run_with_kills


def test_billed_run(tmp_path: Path) -> None:
    """A request that may have been paid is never repeated: its cell stays in doubt until somebody retries it."""
    found = run_with_kills(f"sqlite:///{tmp_path}/p", 120, 2, billed=True, seed=1, wait=(0.0, 0.05))
    assert (found.kills, found.repeated, found.missing) == (2, 0, 0)
    assert 0 < found.doubtful <= found.max_repeated


def test_free_run(tmp_path: Path) -> None:
    """The requests that a kill interrupted are repeated, and no others."""
    found = run_with_kills(f"sqlite:///{tmp_path}/p", 120, 2, billed=False, seed=2, wait=(0.0, 0.05))
    assert (found.kills, found.missing, found.doubtful) == (2, 0, 0)
    assert 0 < found.repeated <= found.max_repeated
