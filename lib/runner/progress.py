"""The progress of an experiment run, as values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from lib.errors import PaddockError


class RunState(Enum):
    """The state of a run. It sends requests only while RUNNING; it can resume from every state but DONE."""

    READY = "ready"  # never started
    RUNNING = "running"
    PAUSED = "paused"  # by its user, or by ``error``
    STOPPED = "stopped"  # by its user, with requests in flight cancelled
    ELSEWHERE = "elsewhere"  # another server works on it; never stored
    INTERRUPTED = "interrupted"  # Paddock was ended while it ran
    BUDGET = "budget"  # the next request does not fit into the budget
    DONE = "done"  # every cell was sent; some may have failed or be in doubt
    FAILED = "failed"  # ``error`` is a bug or the database's


@dataclass(frozen=True)
class RunProgress:
    """The progress at one moment.

    ``cells`` counts all. ``answered`` (``stored`` of them with an earlier answer), ``failed`` and ``doubtful`` have a
    result, ``in_flight`` are being sent, and the others wait.

    ``requests`` counts every request, judges' and repeated ones included, since the run's first start. ``dollars``
    is their counted cost, ``uncertain`` what may have been paid beyond that (no usage: a timeout, a broken
    connection, a cell in doubt), ``reserved`` the highest cost of the requests in flight. The budget limits the sum.

    ``per_minute`` is the chosen rate, ``pace`` the rate that the backend accepts at the moment. ``seconds_left`` is
    None if unknown. ``waiting`` is the reason why nothing is being sent, or empty. ``error`` is why the run paused
    or failed by itself.
    """

    state: RunState
    cells: int
    answered: int = 0
    failed: int = 0
    doubtful: int = 0
    stored: int = 0
    in_flight: int = 0
    requests: int = 0
    dollars: Decimal = Decimal(0)
    uncertain: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    per_minute: int = 0
    pace: float = 0.0
    seconds: float = 0.0
    seconds_left: float | None = None
    waiting: str = ""
    error: PaddockError | None = None
