"""A process that is killed while it asks: no cell is lost, none is paid twice."""

from __future__ import annotations

from pathlib import Path

from lib.runner.worker import worker_count
from tests.runner.kill_driver import run_with_kills
from tests.runner.run_fixtures import QUICK_LIMITS


def test_billed(tmp_path: Path) -> None:
    """What was claimed stays in doubt until somebody has it asked again: at most one for each worker."""
    found = run_with_kills(f"sqlite:///{tmp_path}/p", 120, 2, billed=True, seed=1, wait=(0.05, 0.25))
    assert (found.twice, found.missing) == (0, 0)
    assert 0 < found.doubtful <= 2 * worker_count(QUICK_LIMITS)


def test_free(tmp_path: Path) -> None:
    """What was on its way is asked again by itself."""
    found = run_with_kills(f"sqlite:///{tmp_path}/p", 120, 2, billed=False, seed=2, wait=(0.05, 0.25))
    assert (found.twice, found.missing, found.doubtful) == (0, 0, 0)
