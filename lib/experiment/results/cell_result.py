"""The result of one cell."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from lib.chat.answer import Answer
from lib.errors import PaddockError
from lib.experiment.checks.check_kinds import CheckOutcome
from lib.experiment.plan import Cell
from lib.model.usage import Usage


class Status(Enum):
    ANSWERED = "answered"  # an answer came, possibly cut off: see its ending
    FAILED = "failed"  # every attempt failed
    DOUBTFUL = "in doubt"  # it was in flight when Paddock was killed and may have been billed


@dataclass(frozen=True)
class Result:
    """The result of one cell. ``answer`` is None if it is DOUBTFUL; ``outcomes`` follow the plan's checks.

    ``cost`` is in dollars: the answer, failed attempts as far as their usage is known, and the judges.
    ``attempts`` were made for the answer; ``requests`` counts everything sent, judges included. ``stored``:
    the answer to the same request was at hand and cost nothing now. ``rating`` is a person's, 1 to 5.
    ``uncertain``: dollars that may have been paid beyond ``cost``, because the fate of a request is unknown.
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
    def usage(self) -> Usage | None:
        return None if self.answer is None else self.answer.usage

    @property
    def seconds(self) -> float | None:
        return None if self.answer is None else self.answer.timings.total

    @property
    def error(self) -> PaddockError | None:
        return None if self.answer is None else self.answer.error

    @property
    def passed(self) -> bool | None:
        """Return True if all checks passed; None if one could not tell, or there are none."""
        if not self.outcomes or any(outcome.passed is None for outcome in self.outcomes):
            return None
        return all(outcome.passed for outcome in self.outcomes)
