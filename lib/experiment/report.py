"""Report: an experiment's results as one page of HTML to show to somebody: nothing in it is fetched, nothing runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lib.experiment.plan import Plan
from lib.experiment.result import Result
from lib.model import Model


def report(name: str, plan: Plan, model: Model, results: Sequence[Result], when: datetime) -> str:
    """The page. ``when`` is shown as the experiment's date. All texts in it are escaped."""
    raise NotImplementedError
