"""The experiment that is open in this browser tab, and the actions of the page's buttons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from lib.api.backend import Backend
from lib.errors import PaddockError
from lib.experiment import plan_grid
from lib.experiment.plan import Plan
from lib.experiment.plan_estimate import PlanEstimate
from lib.experiment.plan_models import ResolvedPlan
from lib.experiment.plan_problems import PlanPart
from lib.model.model_record import Model
from lib.runner.experiment_run import ExperimentRun
from lib.store.stored_values import RunEntry
from lib.ui.experiment.experiment_draft import ExperimentDraft, ExperimentDrafts, empty_plan
from lib.ui.settings.chat_actions import ChatActions
from lib.ui.shell.account_catalogue import find_model
from lib.ui.shell.page_actions import PageActions
from lib.ui.shell.registry import registry
from lib.ui.shell.visitor_cookie import current_owner
from lib.ui.widgets.undo_line import draw_undo_line

INITIALLY_OPEN = (PlanPart.PROMPT, PlanPart.INPUTS)  # sections
_QUERY_PARAMETER = "e"
# In the session's state: the id of the open experiment, the open sections by experiment, the id of the shown run if
# it is not the newest, and what Undo restores.
_OPEN, _OPEN_SECTIONS = "experiment", "experiment-sections"
_OPENED = "experiment-opened"  # the section that the user opened last, and how many were opened
_RUN, _UNDO = "experiment-run", "experiment-before"


@dataclass(frozen=True)
class _UndoStep:
    """A field of a plan as it was before a change, and what that change was."""

    experiment: str
    field: str
    change: str
    value: Any


class ExperimentTab(PageActions):
    """Created in each run of the page, from the URL and the session's state."""

    def __init__(self, backend: Backend | None) -> None:
        super().__init__(backend, "experiment-refused", advice="Start the run again in a moment.")
        self.owner = current_owner()
        drafts = ExperimentDrafts.shared()
        self.draft: ExperimentDraft = (
            drafts.find(self.owner, st.query_params.get(_QUERY_PARAMETER))
            or drafts.find(self.owner, st.session_state.get(_OPEN))
            or drafts.new(self.owner)
        )
        self.draft.adopt_chat_settings()
        self.panel = ChatActions(self.owner, self.draft.chat, backend, "-experiment")
        self._resolved: ResolvedPlan | None = None
        self._show(self.draft)

    @staticmethod
    def _show(draft: ExperimentDraft) -> None:
        # In the URL, so that a reload or another tab finds the experiment again.
        st.session_state[_OPEN] = st.query_params[_QUERY_PARAMETER] = draft.id

    @property
    def plan(self) -> Plan:
        return self.draft.plan

    @property
    def model(self) -> Model:
        """The model that the plan's base names."""
        return self.draft.chat.model

    @property
    def resolved(self) -> ResolvedPlan:
        """The plan with its models, which are looked up once as long as it stays the same."""
        resolved = self._resolved
        if resolved is None or resolved.plan is not self.plan or resolved.model is not self.model:
            resolved = self._resolved = ResolvedPlan(self.plan, self.model, find_model)
        return resolved

    @property
    def is_blank(self) -> bool:
        """True if the plan is still empty."""
        return self.plan == empty_plan()

    @property
    def variable_names(self) -> tuple[str, ...]:
        """The names for variables: the inputs' columns, and ``expected`` if a column holds expected answers."""
        inputs = self.plan.inputs
        return (
            (*inputs.columns, plan_grid.EXPECTED_VARIABLE) if inputs.expected is not None else inputs.columns
        )

    @property
    def estimate(self) -> PlanEstimate:
        """The plan's estimate. Raises BadInput if its requests cannot be built."""
        return self.draft.estimate(self.resolved)

    @property
    def runs(self) -> tuple[RunEntry, ...]:
        """The experiment's runs, newest first."""
        return self.draft.runs()

    @property
    def run(self) -> ExperimentRun | None:
        """The shown run: the chosen one, else the newest; None before the first."""
        ids = [entry.id for entry in self.runs]
        if not ids:
            return None
        chosen = st.session_state.get(_RUN)
        try:
            return registry().find_experiment_run(self.owner, chosen if chosen in ids else ids[0])
        except PaddockError as error:
            self.draft.problem = error
            return None

    def show_run(self, run: str) -> None:
        st.session_state[_RUN] = run

    def is_section_open(self, section: PlanPart) -> bool:
        return section in self._open_sections()

    def set_section_open(self, section: PlanPart, is_open: bool) -> None:
        if is_open:
            _, count = st.session_state.get(_OPENED, (None, 0))
            st.session_state[_OPENED] = (section, count + 1)
        others = tuple(other for other in self._open_sections() if other is not section)
        self._set_open_sections((*others, section) if is_open else others)

    def opening_number(self, section: PlanPart) -> int | None:
        """Return the number of the last opening of a section, None if it was another section's."""
        opened, number = st.session_state.get(_OPENED, (None, 0))
        return number if opened is section else None

    def _open_sections(self) -> tuple[PlanPart, ...]:
        """Return the open sections: at first those to write in, or none if the experiment has results to show."""
        by_experiment: dict[str, tuple[PlanPart, ...]] = st.session_state.setdefault(_OPEN_SECTIONS, {})
        return by_experiment.setdefault(self.draft.id, () if self.runs else INITIALLY_OPEN)

    def _set_open_sections(self, sections: tuple[PlanPart, ...]) -> None:
        st.session_state.setdefault(_OPEN_SECTIONS, {})[self.draft.id] = sections

    def change_plan(self, **changes: Any) -> None:
        """Replace fields of the plan, and save it."""
        self.draft.set_plan(replace(self.plan, **changes))

    def change_item(self, field: str, index: int, **changes: Any) -> None:
        """Change one of the plan's ``prompts`` or ``checks``, unless it was removed meanwhile."""
        items = getattr(self.plan, field)
        if index < len(items):
            changed = replace(items[index], **changes)
            self.change_plan(**{field: (*items[:index], changed, *items[index + 1 :])})

    def remove_item(self, field: str, index: int, change: str) -> None:
        """Remove one of the plan's ``prompts`` or ``checks``. ``change`` says so, for the line with Undo."""
        self.remember_for_undo(field, change)
        items = getattr(self.plan, field)
        self.change_plan(**{field: (*items[:index], *items[index + 1 :])})

    def add_columns(self, *names: str) -> None:
        """Add empty columns to the inputs, except those that exist already."""
        inputs = self.plan.inputs
        new = tuple(name for name in names if name not in inputs.columns)
        rows = tuple((*row, *("" for _ in new)) for row in inputs.rows)
        self.change_plan(inputs=replace(inputs, columns=(*inputs.columns, *new), rows=rows))

    def remember_for_undo(self, field: str, change: str) -> None:
        """Remember a field of the plan before it is changed. ``change`` says what happens, for the line with Undo."""
        st.session_state[_UNDO] = _UndoStep(self.draft.id, field, change, getattr(self.plan, field))

    def draw_undo(self, field: str) -> None:
        """Draw the last remembered change with Undo, if it was one of that field."""
        step: _UndoStep | None = st.session_state.get(_UNDO)
        # The container is always there: without it, what follows would move when the line appears. The browser
        # creates moved controls again, and the text that is typed into them would be lost.
        place = st.container()
        if step is None or (step.experiment, step.field) != (self.draft.id, field):
            return
        with place:
            draw_undo_line(step.change, f"undo-{field}", self._undo)

    def _undo(self) -> None:
        step: _UndoStep = st.session_state.pop(_UNDO)
        self.change_plan(**{step.field: step.value})

    def open_experiment(self, draft: ExperimentDraft) -> None:
        self._show(draft)
        st.session_state.pop(_RUN, None)

    def start_run(self) -> None:
        """Start a new run of the plan as it is now."""
        with self.errors():
            backend = self.require_backend()
            # A run refers to its experiment in the database.
            self.draft.save()
            run = registry().new_experiment_run(self.owner, self.draft.id, self.plan)
            self.draft.clear_cached_runs()
            self.show_run(run.id)
            run.start(backend)
            self._set_open_sections(())

    def resume(self) -> None:
        with self.errors():
            backend = self.require_backend()
            if (run := self.run) is not None:
                run.start(backend)

    def retry_failed(self) -> None:
        """Repeat the requests that failed or are doubtful."""
        with self.errors():
            backend = self.require_backend()
            if (run := self.run) is not None:
                run.retry_unfinished(backend)

    def pause(self) -> None:
        if (run := self.run) is not None:
            run.pause()

    def stop(self) -> None:
        """End the run."""
        if (run := self.run) is not None:
            run.stop()
