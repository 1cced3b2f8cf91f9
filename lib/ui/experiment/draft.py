"""Draft: an experiment as it is being defined, the same for every tab that looks at it, and kept while it is typed."""

from __future__ import annotations

import uuid
from collections import OrderedDict

import streamlit as st

from lib.experiment.plan import Inputs, Plan, PromptVersion, Variant
from lib.model import default
from lib.settings import Settings

MOST_DRAFTS = 200  # in memory
UNNAMED = "Untitled experiment"


class Draft:
    """``sweeps``: what was typed for each swept parameter, also where it cannot be read."""

    def __init__(self, owner: str, id: str, name: str, plan: Plan) -> None:
        self.owner = owner
        self.id = id
        self.name = name
        self.plan = plan
        self.sweeps: dict[str, str] = {}
        self.set_aside: tuple[Variant, ...] = ()

    def put(self, plan: Plan) -> None:
        """The plan is that from now on."""
        self.plan = plan


class Drafts:
    """Those of this process, by owner and id."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], Draft] = OrderedDict()

    @staticmethod
    @st.cache_resource(show_spinner=False)
    def shared() -> Drafts:
        """The one of this process."""
        return Drafts()

    def find(self, owner: str, id: str | None) -> Draft | None:
        """The owner's experiment of that id, from memory or the database; None where they have no such experiment."""
        if not id:
            return None
        return self._known.get((owner, id))

    def new(self, owner: str) -> Draft:
        """An empty one."""
        draft = Draft(owner, uuid.uuid4().hex, UNNAMED, empty())
        self._known[owner, draft.id] = draft
        return draft


def empty() -> Plan:
    """A plan that asks nothing yet."""
    return Plan((PromptVersion("Prompt 1", "", ""),), Inputs(), Settings.defaults(default()))
