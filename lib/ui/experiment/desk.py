"""Desk: which experiment is open in this browser tab, and what its buttons do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from lib.backend import Backend
from lib.errors import PaddockError
from lib.experiment import grid
from lib.experiment.plan import Inputs, Plan
from lib.model import default
from lib.ui.experiment.draft import Draft, Drafts
from lib.ui.markdown import label
from lib.ui.visitor import owner

_OPEN, _ADDRESS, _PROBLEM = "experiment", "e", "experiment-problem"


class Desk:
    """Made anew for each run of the page, from the address and the session's state.

    ``backend`` is where its requests go, None while there is none.
    """

    def __init__(self, backend: Backend | None) -> None:
        self.owner = owner()
        self.model = default()
        self.backend = backend
        drafts = Drafts.shared()
        self.draft: Draft = (
            drafts.find(self.owner, st.query_params.get(_ADDRESS))
            or drafts.find(self.owner, st.session_state.get(_OPEN))
            or drafts.new(self.owner)
        )
        st.session_state[_OPEN] = st.query_params[_ADDRESS] = self.draft.id  # a reload, or another tab, finds it

    @property
    def window(self) -> int:
        """The context in tokens."""
        return (self.backend and self.backend.context_window) or self.model.context_window

    @property
    def plan(self) -> Plan:
        """What the experiment is at this moment."""
        return self.draft.plan

    @property
    def columns(self) -> tuple[str, ...]:
        """What a variable may be called: the inputs' columns, and the expected answer by its own name."""
        inputs = self.plan.inputs
        return (*inputs.columns, grid.EXPECTED) if inputs.expected is not None else inputs.columns

    def change(self, **changes: Any) -> None:
        """Change parts of the plan; it is kept at once."""
        self.draft.put(replace(self.plan, **changes))

    def add_columns(self, *names: str) -> None:
        """Give the inputs empty columns of these names."""
        inputs = self.plan.inputs
        new = tuple(name for name in names if name not in inputs.columns)
        rows = tuple((*row, *("" for _ in new)) for row in inputs.rows)
        self.put_inputs(replace(inputs, columns=(*inputs.columns, *new), rows=rows))

    def put_inputs(self, inputs: Inputs) -> None:
        """Another table: the grid on the page is made anew from it."""
        self.draft.renew("inputs")
        self.change(inputs=inputs)
