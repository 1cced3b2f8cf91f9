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
from lib.experiment.plan_estimate import PlanEstimate
from lib.model.model_record import default_model
from lib.runner.experiment_run import ExperimentRun
from lib.store import RunEntry
from lib.ui.experiment.experiment_draft import ExperimentDraft, ExperimentDrafts, empty_plan
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.shell.page_actions import PageActions
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.safe_markdown import escape_markdown

_OPEN, _ADDRESS = "experiment", "e"
INITIALLY_OPEN = ("Prompts", "Inputs")  # sections that are open at first
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


class ExperimentTab(PageActions):
    """Made anew for each run of the page, from the address and the session's state.

    ``backend`` is where its requests go, None while there is none.
    """

    def __init__(self, backend: Backend | None) -> None:
        super().__init__(backend, "experiment-refused", advice="Start again once it is there.")
        self.owner = current_owner()
        self.model = default_model()
        drafts = ExperimentDrafts.shared()
        self.draft: ExperimentDraft = (
            drafts.find(self.owner, st.query_params.get(_ADDRESS))
            or drafts.find(self.owner, st.session_state.get(_OPEN))
            or drafts.new(self.owner)
        )
        self.draft.adopt_chat_settings()
        self.panel = ChatActions(self.owner, self.draft.chat, backend, "-experiment")
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
    def is_blank(self) -> bool:
        """Whether nothing is said in it yet."""
        return self.plan == empty_plan()

    @property
    def variable_names(self) -> tuple[str, ...]:
        """What a variable may be called: the inputs' columns, and the expected answer by its own name."""
        inputs = self.plan.inputs
        return (
            (*inputs.columns, plan_grid.EXPECTED_VARIABLE) if inputs.expected is not None else inputs.columns
        )

    @property
    def estimate(self) -> PlanEstimate:
        """What the plan takes, reckoned once. Raises BadInput where its requests cannot be built."""
        return self.draft.estimate(self.model)

    @property
    def runs(self) -> tuple[RunEntry, ...]:
        """The experiment's runs, newest first."""
        return self.draft.runs()

    @property
    def run(self) -> ExperimentRun | None:
        """The run that is looked at: the one that was chosen, else the newest; None before the first."""
        known = [one.id for one in self.runs]
        if not known:
            return None
        chosen = st.session_state.get(_RUN)
        try:
            return registry().find_experiment_run(self.owner, chosen if chosen in known else known[0])
        except PaddockError as error:
            self.draft.problem = error
            return None

    def show_run(self, run: str) -> None:
        """Look at that run."""
        st.session_state[_RUN] = run

    def is_section_open(self, part: str) -> bool:
        """Whether that section of the page is open."""
        return part in self._parts()

    def set_section_open(self, part: str, shown: bool) -> None:
        """Open that section, or close it."""
        rest = tuple(one for one in self._parts() if one != part)
        self._open_parts((*rest, part) if shown else rest)

    def _parts(self) -> tuple[str, ...]:
        """The sections that are open: at first those to write in, of an experiment that was run its results alone."""
        known: dict[str, tuple[str, ...]] = st.session_state.setdefault(_OPEN_PARTS, {})
        return known.setdefault(self.draft.id, () if self.runs else INITIALLY_OPEN)

    def _open_parts(self, parts: tuple[str, ...]) -> None:
        st.session_state.setdefault(_OPEN_PARTS, {})[self.draft.id] = parts

    def change_plan(self, **changes: Any) -> None:
        """Change parts of the plan; it is kept at once."""
        self.draft.set_plan(replace(self.plan, **changes))

    def add_columns(self, *names: str) -> None:
        """Give the inputs empty columns of these names, and a first row to type into."""
        inputs = self.plan.inputs
        new = tuple(name for name in names if name not in inputs.columns)
        rows = tuple((*row, *("" for _ in new)) for row in inputs.rows)
        self.change_plan(inputs=replace(inputs, columns=(*inputs.columns, *new), rows=rows))

    def remember_for_undo(self, part: str, said: str) -> None:
        """Before a part of the plan is changed in a way that somebody may want back."""
        st.session_state[_BEFORE] = _Before(self.draft.id, part, said, getattr(self.plan, part))

    def draw_undo(self, part: str) -> None:
        """Where the last such change was of that part: what it was, and the button that takes it back."""
        before: _Before | None = st.session_state.get(_BEFORE)
        # A place that is always there: the browser makes anew what moves, and the words in a box would be lost.
        place = st.container()
        if before is None or (before.experiment, before.part) != (self.draft.id, part):
            return
        with place.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(escape_markdown(before.said), width="content")
            st.button(
                "Undo", key=f"undo-{part}", type="tertiary", icon=":material/undo:", on_click=self._undo
            )

    def _undo(self) -> None:
        before: _Before = st.session_state.pop(_BEFORE)
        self.change_plan(**{before.part: before.value})

    def open_experiment(self, draft: ExperimentDraft) -> None:
        """Look at another experiment."""
        self._show(draft.id)
        st.session_state.pop(_RUN, None)

    def start_run(self) -> None:
        """A new run of the plan as it is now."""

        def act(backend: Backend) -> None:
            self.draft.save()  # a run hangs on its experiment
            batch = registry().new_experiment_run(self.owner, self.draft.id, self.plan)
            self.draft.clear_cached_runs()
            self.show_run(batch.id)
            batch.start(backend)
            self._open_parts(())  # the results are what counts now

        self.run_with_backend(act)

    def resume(self) -> None:
        """Let the run go on."""
        self.run_with_backend(lambda backend: self._running(lambda batch: batch.resume(backend)))

    def retry_failed(self) -> None:
        """Ask what failed or is in doubt once more."""
        self.run_with_backend(lambda backend: self._running(lambda batch: batch.retry_unfinished(backend)))

    def pause(self) -> None:
        """Let the run wait."""
        self._running(lambda batch: batch.pause())

    def stop(self) -> None:
        """End the run."""
        self._running(lambda batch: batch.stop())

    def _running(self, act: Callable[[ExperimentRun], object]) -> None:
        if (batch := self.run) is not None:
            act(batch)
