"""Desk: which experiment is open in this browser tab, and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from lib.api.backend import Backend
from lib.errors import PaddockError
from lib.experiment import plan_grid
from lib.experiment.plan import Plan
from lib.experiment.plan_estimate import Estimate
from lib.model.model_record import default
from lib.runner.experiment_run import Batch
from lib.store import RunEntry
from lib.ui.experiment.experiment_draft import Draft, Drafts, empty
from lib.ui.settings.chat_panel import Panel
from lib.ui.shell.page_actions import Refusing
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor import owner
from lib.ui.widgets.safe_markdown import label

_OPEN, _ADDRESS = "experiment", "e"
FIRST = ("Prompts", "Inputs")  # sections that are open at first
_OPEN_PARTS = "experiment-sections"  # in the session's state, by experiment
_RUN = "experiment-run"  # in the session's state: the run that is looked at, where it is not the newest
_BEFORE = "experiment-before"  # in the session's state: what Undo brings back


@dataclass(frozen=True)
class _Before:
    """A part of a plan as it was; ``said`` is what happened to it."""

    experiment: str
    part: str
    said: str
    value: Any


class Desk(Refusing):
    """Made anew for each run of the page, from the address and the session's state.

    ``backend`` is where its requests go, None while there is none.
    """

    def __init__(self, backend: Backend | None) -> None:
        super().__init__(backend, "experiment-refused", advice="Start again once it is there.")
        self.owner = owner()
        self.model = default()
        drafts = Drafts.shared()
        self.draft: Draft = (
            drafts.find(self.owner, st.query_params.get(_ADDRESS))
            or drafts.find(self.owner, st.session_state.get(_OPEN))
            or drafts.new(self.owner)
        )
        self.draft.follow()
        self.panel = Panel(self.owner, self.draft.chat, backend, "-experiment")
        self._show(self.draft.id)

    @staticmethod
    def _show(id: str) -> None:
        """A reload, or another tab, finds it again."""
        st.session_state[_OPEN] = st.query_params[_ADDRESS] = id

    @property
    def plan(self) -> Plan:
        """What the experiment is at this moment."""
        return self.draft.plan

    @property
    def blank(self) -> bool:
        """Whether nothing is said in it yet."""
        return self.plan == empty()

    @property
    def columns(self) -> tuple[str, ...]:
        """What a variable may be called: the inputs' columns, and the expected answer by its own name."""
        inputs = self.plan.inputs
        return (*inputs.columns, plan_grid.EXPECTED) if inputs.expected is not None else inputs.columns

    @property
    def estimate(self) -> Estimate:
        """What the plan takes, reckoned once. Raises BadInput where its requests cannot be built."""
        return self.draft.estimate(self.model)

    @property
    def runs(self) -> tuple[RunEntry, ...]:
        """The experiment's runs, newest first."""
        return self.draft.runs()

    @property
    def batch(self) -> Batch | None:
        """The run that is looked at: the one that was chosen, else the newest; None before the first."""
        known = [one.id for one in self.runs]
        if not known:
            return None
        chosen = st.session_state.get(_RUN)
        try:
            return registry().batch(self.owner, chosen if chosen in known else known[0])
        except PaddockError as error:
            self.draft.problem = error
            return None

    def look_at(self, run: str) -> None:
        """Look at that run."""
        st.session_state[_RUN] = run

    def shows(self, part: str) -> bool:
        """Whether that section of the page is open."""
        return part in self._parts()

    def show(self, part: str, shown: bool) -> None:
        """Open that section, or close it."""
        rest = tuple(one for one in self._parts() if one != part)
        self._open_parts((*rest, part) if shown else rest)

    def _parts(self) -> tuple[str, ...]:
        """The sections that are open: at first those to write in, of an experiment that was run its results alone."""
        known: dict[str, tuple[str, ...]] = st.session_state.setdefault(_OPEN_PARTS, {})
        return known.setdefault(self.draft.id, () if self.runs else FIRST)

    def _open_parts(self, parts: tuple[str, ...]) -> None:
        st.session_state.setdefault(_OPEN_PARTS, {})[self.draft.id] = parts

    def change(self, **changes: Any) -> None:
        """Change parts of the plan; it is kept at once."""
        self.draft.put(replace(self.plan, **changes))

    def add_columns(self, *names: str) -> None:
        """Give the inputs empty columns of these names, and a first row to type into."""
        inputs = self.plan.inputs
        new = tuple(name for name in names if name not in inputs.columns)
        rows = tuple((*row, *("" for _ in new)) for row in inputs.rows)
        self.change(inputs=replace(inputs, columns=(*inputs.columns, *new), rows=rows))

    def remember(self, part: str, said: str) -> None:
        """Before a part of the plan is changed in a way that somebody may want back."""
        st.session_state[_BEFORE] = _Before(self.draft.id, part, said, getattr(self.plan, part))

    def undo(self, part: str) -> None:
        """Where the last such change was of that part: what it was, and the button that takes it back."""
        before: _Before | None = st.session_state.get(_BEFORE)
        # A place that is always there: the browser makes anew what moves, and the words in a box would be lost.
        place = st.container()
        if before is None or (before.experiment, before.part) != (self.draft.id, part):
            return
        with place.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(label(before.said), width="content")
            st.button(
                "Undo", key=f"undo-{part}", type="tertiary", icon=":material/undo:", on_click=self._undo
            )

    def _undo(self) -> None:
        before: _Before = st.session_state.pop(_BEFORE)
        self.change(**{before.part: before.value})

    def open(self, draft: Draft) -> None:
        """Look at another experiment."""
        self._show(draft.id)
        st.session_state.pop(_RUN, None)

    def start(self) -> None:
        """A new run of the plan as it is now."""

        def act(backend: Backend) -> None:
            self.draft.keep()  # a run hangs on its experiment
            batch = registry().new_batch(self.owner, self.draft.id, self.plan)
            self.draft.forget_runs()
            self.look_at(batch.id)
            batch.start(backend)
            self._open_parts(())  # the results are what counts now

        self.ask(act)

    def resume(self) -> None:
        """Let the run go on."""
        self.ask(lambda backend: self._running(lambda batch: batch.resume(backend)))

    def ask_again(self) -> None:
        """Ask what failed or is in doubt once more."""
        self.ask(lambda backend: self._running(lambda batch: batch.ask_again(backend)))

    def pause(self) -> None:
        """Let the run wait."""
        self._running(lambda batch: batch.pause())

    def stop(self) -> None:
        """End the run."""
        self._running(lambda batch: batch.stop())

    def _running(self, act: Callable[[Batch], object]) -> None:
        if (batch := self.batch) is not None:
            act(batch)
