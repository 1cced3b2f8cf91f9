"""Drafts of experiments: shared by all tabs that show them, and autosaved with each change."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime

import streamlit as st

from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.errors import PaddockError
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Plan, PromptVersion, Variant
from lib.experiment.plan_estimate import PlanEstimate, estimate_plan
from lib.experiment.plan_models import ResolvedPlan
from lib.model.model_record import default_model
from lib.model.settings import Settings
from lib.store.stored_values import RunEntry, SavedExperiment
from lib.ui.shell.account_catalogue import find_model
from lib.ui.shell.registry import registry

MAX_DRAFTS = 200  # in memory
UNNAMED = "Untitled experiment"


class ExperimentDraft:
    """An experiment that is being defined.

    ``chat`` is the chat that the controls for settings work on. ``sweeps``: the typed values of each swept parameter,
    also if they cannot be parsed. ``uses_presets``: presets are compared, not a sweep; ``unused_presets``: those that
    a sweep has replaced. ``problem``: why the draft is not saved, None if it is. ``kept_as``: the name under which
    the last save has kept what another server had saved in the meantime.
    """

    def __init__(self, owner: str, id: str, name: str, plan: Plan, updated: datetime | None = None) -> None:
        self.owner = owner
        self.id = id
        self.name = name
        self.plan = plan
        self.chat = ChatSession(registry().client, default_model(), Conversation(), find_model=find_model)
        self.chat.settings = plan.base
        self.sweeps: dict[str, str] = {}
        self.uses_presets = bool(plan.variants)
        self.unused_presets: tuple[Variant, ...] = ()
        self.problem: PaddockError | None = None
        self.kept_as: str | None = None
        self._updated = updated
        self._estimate: tuple[Plan, PlanEstimate] | None = None
        self._runs: tuple[RunEntry, ...] | None = None
        self._generation = registry().store.database.generation

    def set_plan(self, plan: Plan) -> None:
        """Replace the plan and save it."""
        self.plan = plan
        self.chat.settings = plan.base
        self._try_save()

    def adopt_chat_settings(self) -> None:
        """Take over the settings that the controls have changed."""
        if self.chat.settings is not self.plan.base:
            self.set_plan(replace(self.plan, base=self.chat.settings))

    def rename(self, name: str) -> None:
        """Rename the experiment; a blank name changes nothing."""
        if name := " ".join(name.split()):
            self.name = name
            self._try_save()

    def save(self) -> None:
        """Write the experiment to the database. Raises StorageFailed."""
        experiment = SavedExperiment(self.id, self.name, self.plan, updated=self._updated)
        self._updated, self.kept_as = registry().store.experiments.save(self.owner, experiment)
        self.problem = None

    def _try_save(self) -> None:
        try:
            self.save()
        except PaddockError as error:
            # The draft stays in memory, and the next change tries again.
            self.problem = error

    def reread(self) -> None:
        """Take over what the database holds if a backup was restored since it was read last."""
        store = registry().store
        if self.problem is not None or self._generation == store.database.generation:
            return
        try:
            saved = store.experiments.load(self.owner, self.id)
        except PaddockError:
            return  # the list of experiments shows the error
        self._generation = store.database.generation
        self.clear_cached_runs()
        if saved is None:
            return  # it is saved again with its next change
        self.name, self._updated = saved.name, saved.updated
        plan = _fit_base(saved.plan)
        if plan != self.plan:
            self.plan = plan
            self.chat.settings = plan.base
            self.uses_presets = bool(plan.variants)

    def estimate(self, resolved: ResolvedPlan) -> PlanEstimate:
        """Estimate the plan, once for each plan. Raises BadInput if its requests cannot be built."""
        cached = self._estimate
        if cached is None or cached[0] is not resolved.plan:
            cached = self._estimate = (resolved.plan, estimate_plan(resolved))
        return cached[1]

    def runs(self) -> tuple[RunEntry, ...]:
        """Return the runs, newest first, as they were last read; none if they cannot be read."""
        if self._runs is None:
            try:
                self._runs = registry().store.runs.entries(self.owner, self.id)
            except PaddockError as error:
                self.problem = error
                return ()
        return self._runs

    def clear_cached_runs(self) -> None:
        """Read the runs again next time, because one was added or has changed its state."""
        self._runs = None


class ExperimentDrafts:
    """The drafts of this process, by owner and id."""

    def __init__(self) -> None:
        self._drafts: OrderedDict[tuple[str, str], ExperimentDraft] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    @st.cache_resource(show_spinner=False)
    def shared() -> ExperimentDrafts:
        """Return the drafts of this process."""
        return ExperimentDrafts()

    def find(self, owner: str, id: str | None) -> ExperimentDraft | None:
        """Return the owner's experiment of that id, from memory or the database; None if there is none."""
        if not id:
            return None
        with self._lock:
            if (draft := self._drafts.get((owner, id))) is not None:
                self._drafts.move_to_end((owner, id))
        if draft is not None:
            draft.reread()
            return draft
        try:
            saved = registry().store.experiments.load(owner, id)
        except PaddockError:
            return None  # the list of experiments shows the error
        if saved is None:
            return None
        plan = _fit_base(saved.plan)
        return self._add(ExperimentDraft(owner, id, saved.name, plan, saved.updated))

    def new(self, owner: str, name: str = UNNAMED, plan: Plan | None = None) -> ExperimentDraft:
        """Return a new draft. Without a plan it is empty, and saved only with its first change."""
        draft = self._add(ExperimentDraft(owner, uuid.uuid4().hex, name, plan or empty_plan()))
        if plan is not None:
            draft.set_plan(plan)
        return draft

    def drop(self, owner: str, id: str) -> None:
        """Forget a draft that was deleted."""
        with self._lock:
            self._drafts.pop((owner, id), None)

    def _add(self, draft: ExperimentDraft) -> ExperimentDraft:
        with self._lock:
            draft = self._drafts.setdefault((draft.owner, draft.id), draft)
            saved = [
                key for key, other in self._drafts.items() if other.problem is None and other is not draft
            ]
            for key in saved:
                if len(self._drafts) <= MAX_DRAFTS:
                    break
                del self._drafts[key]
            return draft


def _fit_base(plan: Plan) -> Plan:
    """Return the plan with settings as their model takes them today; those of a model that is not listed stay."""
    model = find_model(plan.base.model)
    return plan if model is None else replace(plan, base=ResolvedPlan(plan, model, find_model).fit_base())


def empty_plan() -> Plan:
    """Return a plan without any text."""
    return Plan((PromptVersion("Prompt 1", "", ""),), Inputs(), Settings.defaults(default_model()))
