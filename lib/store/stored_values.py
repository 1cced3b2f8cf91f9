"""The values that the store takes and returns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from lib.chat.conversation import Conversation
from lib.chat.setup_merge import Setup
from lib.errors import HeldElsewhere, PaddockError
from lib.experiment.plan import Limits, Plan
from lib.experiment.results.cell_result import Result
from lib.model.settings import Settings
from lib.model.usage import Usage


def answered_elsewhere_error() -> HeldElsewhere:
    """Return the error of an answer that another server is writing."""
    return HeldElsewhere(
        "Another Paddock server is writing this answer; this is its text so far.",
        advice="You can continue it here when it has ended there, or half a minute after that server was closed.",
    )


class UsageSource(Enum):
    CONVERSATIONS = "conversations"  # those of comparisons too
    EXPERIMENTS = "experiments"


@dataclass(frozen=True)
class DailyUsage:
    """The usage of all requests of one UTC day, model, backend and source.

    Answers with neurons counted by the backend are added up separately from those without. ``recorded_cost`` is in
    dollars; None if nobody recorded it, so that it follows from usage and price.
    """

    day: date
    model: str
    backend: str
    billed: bool
    usage: Usage
    request_count: int
    source: UsageSource = UsageSource.CONVERSATIONS
    recorded_cost: Decimal | None = None


@dataclass(frozen=True)
class ConversationEntry:
    """A conversation as the list shows it. ``deleted_at`` is the time when it was moved to the bin."""

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
    """A conversation with its entry in the list. ``is_answered_elsewhere``: another server writes an answer in it."""

    conversation: Conversation
    settings: Settings
    entry: ConversationEntry
    is_answered_elsewhere: bool = False

    @property
    def setup(self) -> Setup:
        return Setup(self.conversation.system, self.settings)


@dataclass(frozen=True)
class SavedPreset:
    """A preset under a name. ``body`` is plain JSON. New conversations begin with the preset that ``is_start``."""

    id: str
    name: str
    body: Any
    is_start: bool = False


@dataclass(frozen=True)
class SavedSchema:
    """A JSON schema under a name. ``body`` is its text, exactly as it was typed."""

    id: str
    name: str
    body: str


@dataclass(frozen=True)
class SavedExperiment:
    """An experiment under a name. The store sets the times.

    A save compares ``updated`` with what is stored; None overwrites whatever is stored.
    """

    id: str
    name: str
    plan: Plan
    created: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True)
class ExperimentEntry:
    """An experiment as the list shows it."""

    id: str
    name: str
    created: datetime
    updated: datetime
    run_count: int


@dataclass(frozen=True)
class RunEntry:
    """A run of an experiment. ``answered``, ``failed`` and ``doubtful`` count cells.

    ``state`` is a word of the runner's. If it is "running" but nothing in this process runs it, the run was
    interrupted. ``backend`` is empty before the run starts. ``is_held_elsewhere``: another server works on it.
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
    is_held_elsewhere: bool = False


@dataclass(frozen=True)
class SavedRun:
    """A run with the plan that it was started with and its current limits."""

    entry: RunEntry
    plan: Plan
    limits: Limits


@dataclass(frozen=True)
class CellChange:
    """A change of one cell.

    ``position`` rises with every change in the run. ``fingerprint`` identifies the request, or is None if the same
    request may get another answer. ``is_judged`` is False until all checks are done. A cell that ``is_waiting`` has
    no request on its way and will be asked again.
    """

    result: Result
    position: int
    fingerprint: str | None = None
    is_judged: bool = True
    is_waiting: bool = False


@dataclass(frozen=True)
class StoredCell:
    """A cell as it is stored, last changed at ``position``. ``is_judged`` and ``is_waiting`` as in CellChange.

    If its status is doubtful although it has an answer, its judge was being asked.
    """

    result: Result
    position: int
    is_judged: bool
    is_waiting: bool


@dataclass(frozen=True)
class SavedComparison:
    """A comparison. ``body`` is plain JSON; ``column_ids`` are the ids of its conversations.

    The store sets ``updated``, the time of the last save.
    """

    id: str
    title: str
    body: Any
    column_ids: tuple[str, ...]
    updated: datetime | None = None
