"""Result: what came of one cell."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from lib.chat.answer import Answer
from lib.experiment.checks.check_kinds import CheckOutcome
from lib.experiment.plan import Cell


class Status(Enum):
    """Where a cell stands."""

    ANSWERED = "answered"  # an answer came, whole or not; its ending tells
    FAILED = "failed"  # every attempt was refused or broke
    DOUBTFUL = "in doubt"  # it was on its way when Paddock was killed: it may have been paid


@dataclass(frozen=True)
class Result:
    """One cell that was asked. ``answer`` is None where it is in doubt; ``outcomes`` stand in the checks' order.

    ``cost``: dollars of the answer, of failed attempts as far as anything was counted, and of the judges.
    ``stored``: the same request was answered before, in this run or an earlier one, and cost nothing now.
    ``rating``: a person's, 1 to 5, if any.
    ``attempts`` were made for the answer, ``requests`` sent for all of it, judges included. ``uncertain``: dollars
    that may have been paid beyond ``cost``, where a request was sent and nobody knows what became of it.
    """

    cell: Cell
    status: Status
    answer: Answer | None
    outcomes: tuple[CheckOutcome, ...] = ()
    cost: Decimal = Decimal(0)
    attempts: int = 1
    stored: bool = False
    rating: int | None = None
    requests: int = 1
    uncertain: Decimal = Decimal(0)

    @property
    def passed(self) -> bool | None:
        """Whether every check was passed; None where one could not say, or there is none."""
        if not self.outcomes or any(outcome.passed is None for outcome in self.outcomes):
            return None
        return all(outcome.passed for outcome in self.outcomes)
