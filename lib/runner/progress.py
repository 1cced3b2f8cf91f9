"""Progress: how far a batch is, as values for whoever looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from lib.errors import PaddockError


class RunState(Enum):
    """What a batch is doing. It asks in RUNNING alone; from any other but DONE it can go on."""

    READY = "ready"  # never started
    RUNNING = "running"
    PAUSED = "paused"  # by its user, or by what ``error`` says
    STOPPED = "stopped"  # by its user; what was on its way was cut off
    INTERRUPTED = "interrupted"  # Paddock was ended while it ran
    BUDGET = "budget"  # what is left does not fit into the budget
    DONE = "done"  # every cell was asked; some may have failed or be in doubt
    FAILED = "failed"  # a fault of Paddock's own or of its database, as ``error`` says


@dataclass(frozen=True)
class RunProgress:
    """How far a batch is at one moment.

    ``cells`` is how many there are; ``answered`` (of which ``stored`` were known already), ``failed`` and
    ``doubtful`` are how they came out so far, ``in_flight`` are being asked now, the others wait.

    ``requests`` were sent, judges' and repeated ones included, in this run and before it was resumed. ``dollars`` is
    what was counted for them, ``uncertain`` what may have been paid beyond that (no usage came: a timeout, a broken
    connection, a cell in doubt), ``reserved`` what those on their way can cost at most. The budget holds all three.

    ``per_minute`` is the pace that was asked for, ``pace`` the one that the backend bears at the moment.
    ``seconds_left`` is None where nothing can be said. ``waiting`` says in a line why nothing is being sent, if so;
    ``error`` why the batch paused or failed by itself.
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
