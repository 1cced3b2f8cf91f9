"""A process that is killed while it asks: no cell is lost, none is paid twice."""

from __future__ import annotations

from pathlib import Path

from lib.runner.worker import hands
from tests.runner.killing import killed
from tests.runner.run_fixtures import QUICK


def test_billed(tmp_path: Path) -> None:
    """What was claimed stays in doubt until somebody has it asked again: at most one for each worker."""
    found = killed(f"sqlite:///{tmp_path}/p", 120, 2, billed=True, seed=1, wait=(0.05, 0.25))
    assert (found.twice, found.missing) == (0, 0)
    assert 0 < found.doubtful <= 2 * hands(QUICK)


def test_free(tmp_path: Path) -> None:
    """What was on its way is asked again by itself."""
    found = killed(f"sqlite:///{tmp_path}/p", 120, 2, billed=False, seed=2, wait=(0.05, 0.25))
    assert (found.twice, found.missing, found.doubtful) == (0, 0, 0)
