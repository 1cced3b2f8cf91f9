"""Batch: one run of an experiment. The page watches it; it goes on when nobody does."""

from __future__ import annotations

from lib.backend import Backend
from lib.batch.progress import Progress, State
from lib.client import WorkersAI
from lib.experiment.plan import Limits, Plan
from lib.experiment.result import Result
from lib.model import Model
from lib.store import Store


class Batch:
    """Asks every cell of a plan, with threads of its own. Every method is safe from any thread and returns at once.

    From the registry: ``registry().new_batch(owner, experiment_id, plan)`` makes one (state READY), and
    ``registry().batch(owner, id)`` finds it again, also after a restart; None where that owner has none of that id.
    """

    id: str  # the run's
    owner: str
    experiment: str  # the experiment's id
    plan: Plan  # as it is run; its limits are those that it began with
    model: Model

    def __init__(
        self, client: WorkersAI, store: Store, model: Model, owner: str, experiment: str, plan: Plan
    ) -> None:
        raise NotImplementedError

    @property
    def state(self) -> State:
        """What it does at the moment."""
        raise NotImplementedError

    @property
    def limits(self) -> Limits:
        """What it may take, as last set."""
        raise NotImplementedError

    @property
    def backend(self) -> str:
        """The name of where it asks, empty before its start."""
        raise NotImplementedError

    def set_limits(self, limits: Limits) -> None:
        """Another pace, budget or number at a time, from now on. A batch that its budget ended goes on by resume()."""
        raise NotImplementedError

    def start(self, backend: Backend) -> None:
        """Begin, or go on from any state but DONE. Raises BadInput where it began on another kind of backend."""
        raise NotImplementedError

    def pause(self) -> None:
        """Send nothing more; what is on its way is waited for and kept."""
        raise NotImplementedError

    def resume(self, backend: Backend) -> None:
        """The same as start()."""
        self.start(backend)

    def stop(self) -> None:
        """End at once. What is on its way is cut off: it may have been paid, so it is in doubt where that costs."""
        raise NotImplementedError

    def ask_again(self, backend: Backend) -> None:
        """Ask the cells that failed or are in doubt once more; what they may have cost stays counted."""
        raise NotImplementedError

    def rate(self, number: int, rating: int | None) -> None:
        """A person's opinion of that cell's answer, 1 to 5, or none any more."""
        raise NotImplementedError

    def progress(self) -> Progress:
        """How far it is."""
        raise NotImplementedError

    def results(self, since: int = 0) -> list[Result]:
        """What came, in the order it came, from that place in the list on; without a lock.

        The list only grows. A cell may come again (rated, asked again): the later one counts.
        """
        raise NotImplementedError

    def latest(self) -> list[Result]:
        """Each cell's result as it is now, in the order of their numbers."""
        raise NotImplementedError

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it rests; False where it still runs after that many seconds."""
        raise NotImplementedError
