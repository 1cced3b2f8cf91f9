"""Draft: an experiment while it is defined: the same for every tab that looks at it, and saved as it is typed."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from dataclasses import replace

import streamlit as st

from lib.chat.chat_session import ChatSession
from lib.chat.conversation import Conversation
from lib.errors import PaddockError
from lib.experiment.inputs.input_table import Inputs
from lib.experiment.plan import Plan, PromptVersion, Variant
from lib.experiment.plan_estimate import PlanEstimate, estimate_plan
from lib.model.model_record import Model, default_model
from lib.model.settings import Settings, fit_to_model
from lib.store import RunEntry, SavedExperiment
from lib.ui.shell.registry import registry

MAX_DRAFTS = 200  # in memory
UNNAMED = "Untitled experiment"


class ExperimentDraft:
    """``sweeps``: what was typed for each swept parameter, also where it cannot be read.

    ``by_presets``: these are chosen, and no sweep; ``set_aside``: those that were, before a sweep took their place.
    ``problem``: why it is not saved.
    """

    def __init__(self, owner: str, id: str, name: str, plan: Plan) -> None:
        self.owner = owner
        self.id = id
        self.name = name
        self.plan = plan
        self.chat = ChatSession(
            registry().client, default_model(), Conversation()
        )  # what the chat's controls are drawn for
        self.chat.settings = plan.base
        self.sweeps: dict[str, str] = {}
        self.uses_presets = bool(plan.variants)
        self.unused_presets: tuple[Variant, ...] = ()
        self.problem: PaddockError | None = None
        self._estimate: tuple[Plan, PlanEstimate] | None = None
        self._runs: tuple[RunEntry, ...] | None = None

    def set_plan(self, plan: Plan) -> None:
        """The plan is that from now on."""
        self.plan = plan
        self.chat.settings = plan.base
        self._try_save()

    def adopt_chat_settings(self) -> None:
        """Take over what the chat's controls have changed."""
        if self.chat.settings is not self.plan.base:
            self.set_plan(replace(self.plan, base=self.chat.settings))

    def rename(self, name: str) -> None:
        """It is called that from now on; a blank name changes nothing."""
        if name := " ".join(name.split()):
            self.name = name
            self._try_save()

    def save(self) -> None:
        """Write it, also where nothing was changed. Raises StorageFailed."""
        registry().store.put_experiment(self.owner, SavedExperiment(self.id, self.name, self.plan))
        self.problem = None

    def _try_save(self) -> None:
        try:
            self.save()
        except PaddockError as error:  # it is kept in memory, and written with the next change
            self.problem = error

    def estimate(self, model: Model) -> PlanEstimate:
        """What the plan takes. Raises BadInput where its requests cannot be built."""
        known = self._estimate
        if known is None or known[0] is not self.plan:
            plan = self.plan
            known = self._estimate = (plan, estimate_plan(model, plan))
        return known[1]

    def runs(self) -> tuple[RunEntry, ...]:
        """Its runs, newest first, as they were when they were last looked up; none where they cannot be."""
        if self._runs is None:
            try:
                self._runs = registry().store.runs(self.owner, self.id)
            except PaddockError as error:
                self.problem = error
                return ()
        return self._runs

    def clear_cached_runs(self) -> None:
        """There is another run, or one has changed its state."""
        self._runs = None


class ExperimentDrafts:
    """Those of this process, by owner and id."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], ExperimentDraft] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    @st.cache_resource(show_spinner=False)
    def shared() -> ExperimentDrafts:
        """The one of this process."""
        return ExperimentDrafts()

    def find(self, owner: str, id: str | None) -> ExperimentDraft | None:
        """The owner's experiment of that id, from memory or the database; None where they have no such experiment."""
        if not id:
            return None
        with self._lock:
            if (known := self._known.get((owner, id))) is not None:
                self._known.move_to_end((owner, id))
                return known
        try:
            saved = registry().store.experiment(owner, id)
        except PaddockError:
            return None  # the list says what is wrong with the database
        if saved is None:
            return None
        plan = replace(saved.plan, base=fit_to_model(saved.plan.base, default_model()))
        return self._add(ExperimentDraft(owner, id, saved.name, plan))

    def new(self, owner: str, name: str = UNNAMED, plan: Plan | None = None) -> ExperimentDraft:
        """Another one; without a plan an empty one, which is not kept before it is changed."""
        draft = self._add(ExperimentDraft(owner, uuid.uuid4().hex, name, plan or empty_plan()))
        if plan is not None:
            draft.set_plan(plan)
        return draft

    def drop(self, owner: str, id: str) -> None:
        """Let go of one that was deleted."""
        with self._lock:
            self._known.pop((owner, id), None)

    def _add(self, draft: ExperimentDraft) -> ExperimentDraft:
        with self._lock:
            draft = self._known.setdefault((draft.owner, draft.id), draft)
            for key in [key for key, one in self._known.items() if one.problem is None and one is not draft]:
                if len(self._known) <= MAX_DRAFTS:
                    break
                del self._known[key]
            return draft


def empty_plan() -> Plan:
    """A plan that asks nothing yet."""
    return Plan((PromptVersion("Prompt 1", "", ""),), Inputs(), Settings.defaults(default_model()))
