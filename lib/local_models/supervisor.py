"""Keep a twin running, and change its model without losing an answer: the old twin serves until the new one answers.

Each model has a twin of its own. The old twin ends once nothing of this process uses it and its last request is
answered.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress

from lib.api.backend import Backend
from lib.errors import PaddockError
from lib.local_models.model_choice import remember_model, remembered_model
from lib.local_models.model_source import SHIPPED_ID
from lib.local_models.supervised_twin import Failed, Ready, SupervisedTwin, TwinState

# A request that was on its way when the twin changed has arrived by then.
_GRACE_SECONDS = 3.0
_LOOK_SECONDS = 0.2


class Supervisor:
    """Keeps a twin running from ``start`` to ``close``.

    ``is_in_use`` tells whether anything in this process still sends requests to a backend.
    """

    def __init__(self, is_in_use: Callable[[Backend], bool] = lambda backend: False) -> None:
        self._is_in_use = is_in_use
        self._current = SupervisedTwin(remembered_model())
        self._next: SupervisedTwin | None = None
        self._leaving: list[SupervisedTwin] = []
        self._replaced_accounts: set[str] = set()
        self._problem: Failed | None = None
        self._change_count = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()

    @property
    def state(self) -> TwinState:
        return self._current.state

    @property
    def is_started(self) -> bool:
        return self._current.is_started

    @property
    def model(self) -> str:
        """The model that answers, as ``parse_source`` takes it."""
        return self._current.model or os.environ.get("PADDOCK_MODEL") or SHIPPED_ID

    @property
    def next_model(self) -> str:
        """The model that is to answer as soon as it has started, "" without one."""
        return "" if (twin := self._next) is None else twin.model

    @property
    def problem(self) -> Failed | None:
        """Why the model that was chosen last does not answer."""
        return self._problem

    def report_problem(self, problem: Failed) -> None:
        """Keep why a model that was to answer is not even started."""
        self._problem = problem

    def forget_problem(self) -> None:
        self._problem = None

    @property
    def change_count(self) -> int:
        """Count the changes: how often another model has begun to answer."""
        return self._change_count

    @property
    def pids(self) -> list[int]:
        """The ids of the twins' processes, that of the current one first."""
        with self._lock:
            twins = dict.fromkeys([self._current, self._next, *self._leaving])
        return [twin.pid for twin in twins if twin is not None and twin.pid is not None]

    def start(self) -> None:
        """Start the twin if it is not running; also after it failed."""
        self._current.start()

    def switch_to(self, model: str) -> None:
        """Let another model answer as soon as it can. ``model`` is an id of the catalogue, or a path.

        If it fails, the old one goes on, and ``problem`` says why. The choice outlives the server.
        """
        with self._lock:
            if self._closed.is_set() or model == self.next_model:
                return
            self._problem = None
            # The twin that was to be the next one is closed by its thread.
            self._next = None if model == self.model else SupervisedTwin(model)
            twin = self._next
            if twin is not None and (isinstance(self.state, Failed) or not self.is_started):
                # There is nothing to lose, and this twin's state is what the page is to show.
                self._replaced_accounts.add(self._current.account_id)
                self._current = twin
            if twin is not None:
                twin.start()
        if twin is None:
            self._remember(model)
            self.start()
        else:
            threading.Thread(target=self._follow, args=(twin,), name="paddock-switch", daemon=True).start()

    def up_to_date(self, backend: Backend | None) -> Backend | None:
        """Return the current twin's backend instead of one of an earlier twin, any other backend as it is."""
        if backend is not None and backend.account_id in self._replaced_accounts:
            state = self.state
            return state.backend if isinstance(state, Ready) else None
        return backend

    def close(self) -> None:
        """End the twins and wait for their processes."""
        with self._lock:
            self._closed.set()
            twins = {self._current, *self._leaving}
            if self._next is not None:
                twins.add(self._next)
        for twin in twins:
            twin.close()

    def _follow(self, twin: SupervisedTwin) -> None:
        """Wait until the twin answers or has failed, and put it in its place, unless another was chosen meanwhile."""
        while self._next is twin and not isinstance(twin.state, (Ready, Failed)):
            if self._closed.wait(_LOOK_SECONDS):
                return
        with self._lock:
            old, state, is_wanted = self._current, twin.state, self._next is twin
            answers = is_wanted and isinstance(state, Ready)
            if is_wanted:
                self._next, self._problem = None, state if isinstance(state, Failed) else None
                self._change_count += answers
            if answers and twin is not old:
                self._current = twin
                self._leaving.append(old)
                self._replaced_accounts.add(old.account_id)
        if answers:
            self._remember(twin.model)
        if twin is not old:
            self._let_leave(old) if answers else twin.close()

    def _let_leave(self, twin: SupervisedTwin) -> None:
        """End a twin once nothing uses it any more."""
        state = twin.state
        self._closed.wait(_GRACE_SECONDS)
        if isinstance(state, Ready):
            while self._is_in_use(state.backend) and not self._closed.wait(_LOOK_SECONDS):
                pass
            twin.finish()
        else:
            twin.close()
        with self._lock:
            self._leaving.remove(twin)

    def _remember(self, model: str) -> None:
        # Without a folder for data, the choice lasts as long as this process.
        with suppress(PaddockError, OSError):
            remember_model(model)
