"""What is given to the store and what it gives back, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from lib.api.request import Request
from lib.chat.answer import Answer, Ending, Timings
from lib.chat.conversation import Conversation
from lib.errors import CutOff, PaddockError
from lib.experiment.plan import Limits, Plan
from lib.experiment.results.cell_result import Result
from lib.model.pricing import estimate_tokens
from lib.model.settings import Settings
from lib.model.usage import Usage


@dataclass(frozen=True)
class UnfinishedAnswer:
    """An answer that is coming: the message that it writes, what was asked of whom, and what has come so far.

    ``seconds`` since it was sent, ``first_token`` the seconds to the first text, None before it.
    """

    message_id: str
    request: Request
    backend: str
    billed: bool
    text: str
    seconds: float
    first_token: float | None = None

    def to_cut_off_answer(self) -> Answer:
        """What is known of it should nothing more come: cut off, its usage estimated."""
        usage = Usage(self.request.estimated_prompt_tokens(), estimate_tokens(self.text), estimated=True)
        return Answer(
            self.text,
            self.request,
            self.backend,
            self.billed,
            usage if self.text else None,
            Timings(self.first_token, self.seconds),
            Ending.CUT_OFF,
            cut_off_error(),
        )


def cut_off_error() -> CutOff:
    """Why an answer ended that the database knows as running: its server did."""
    return CutOff(
        "Paddock ended while this answer was coming.",
        advice="Continue goes on from what came.",
        retryable=True,
    )


@dataclass(frozen=True)
class Snapshot:
    """A conversation at one moment: all that is saved of it."""

    owner: str
    conversation: Conversation
    settings: Settings
    unfinished: tuple[UnfinishedAnswer, ...] = ()


@dataclass(frozen=True)
class DailyUsage:
    """What answers of one UTC day, model and backend used, added up: as exact as they are.

    Answers whose neurons the backend counted itself are added up apart from those where they follow from the tokens.
    """

    day: date
    model: str
    backend: str
    billed: bool
    usage: Usage
    answer_count: int


@dataclass(frozen=True)
class ConversationEntry:
    """A conversation as a list shows it. ``deleted``: when it was put into the bin."""

    id: str
    title: str
    title_edited: bool
    pinned: bool
    message_count: int
    created: datetime
    updated: datetime
    deleted_at: datetime | None
    daily_usage: tuple[DailyUsage, ...] = ()


@dataclass(frozen=True)
class SavedConversation:
    """A conversation as it was saved, and its entry in the list."""

    conversation: Conversation
    settings: Settings
    entry: ConversationEntry


@dataclass(frozen=True)
class SavedPreset:
    """Choices under a name. ``body`` is plain JSON; ``is_start``: new conversations begin with it."""

    id: str
    name: str
    body: Any
    is_start: bool = False


@dataclass(frozen=True)
class SavedSchema:
    """A schema under a name. ``body`` is its JSON text, exactly as it was typed."""

    id: str
    name: str
    body: str


@dataclass(frozen=True)
class SavedExperiment:
    """An experiment as somebody keeps it. The store sets the times."""

    id: str
    name: str
    plan: Plan
    created: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True)
class ExperimentEntry:
    """One line in the list of experiments, with how many runs it has."""

    id: str
    name: str
    created: datetime
    updated: datetime
    run_count: int


@dataclass(frozen=True)
class RunEntry:
    """One run of an experiment. ``state`` is the batch's word; ``answered``, ``failed`` and ``doubtful`` count cells.

    ``backend`` is empty before its start. A ``state`` of "running" that no batch of this process stands behind was
    interrupted.
    """

    id: str
    experiment_id: str
    model: str
    backend: str
    billed: bool
    state: str
    cell_count: int
    started: datetime
    error: PaddockError | None = None
    answered: int = 0
    failed: int = 0
    doubtful: int = 0


@dataclass(frozen=True)
class SavedRun:
    """A run with the plan that it was started with, and its limits as last set."""

    entry: RunEntry
    plan: Plan
    limits: Limits


@dataclass(frozen=True)
class CellChange:
    """What is to be written of one cell: as a new row, or over the one that is there.

    ``position`` rises with every change of its run. ``fingerprint`` is None where the same request need not have the
    same answer. ``judged`` is False while its checks are still to be made. ``waiting``: nothing of it is on its way,
    it is only to be asked again.
    """

    result: Result
    position: int
    is_new: bool
    fingerprint: str | None = None
    is_judged: bool = True
    is_waiting: bool = False


@dataclass(frozen=True)
class StoredCell:
    """A cell as it was written, last changed at ``position``; ``judged`` and ``waiting`` as in Change.

    Where it is in doubt and has an answer, it is its judge that was being asked.
    """

    result: Result
    position: int
    is_judged: bool
    is_waiting: bool


@dataclass(frozen=True)
class SavedComparison:
    """A comparison. ``body`` is plain JSON; ``columns`` are the ids of its conversations."""

    id: str
    title: str
    body: Any
    column_ids: tuple[str, ...]
