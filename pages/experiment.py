"""Tune: prompts × inputs × settings × repetitions, within a budget, judged by checks."""

from __future__ import annotations

import streamlit as st

from lib.batch.progress import State
from lib.experiment.problem import Where, problems
from lib.ui import place
from lib.ui.experiment import bar, before, checks, inputs, prompts, results, run, saved, settings, typed
from lib.ui.experiment.desk import Desk
from lib.ui.experiment.section import section
from lib.ui.trouble import trouble

where = place.current()
desk = Desk(where.backend)
typed.begin()
found = problems(desk.plan, desk.model)

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    place.draw(where, busy=False)
    saved.draw(desk)
saved.title(desk)
if (refused := desk.refusal()) is not None:
    trouble(refused)

left, right = st.columns(2)
with left:
    section(
        "Prompts",
        prompts.summary(desk),
        lambda: prompts.draw(desk, found),
        found,
        Where.PROMPT,
        expanded=True,
    )
with right:
    section(
        "Inputs", inputs.summary(desk), lambda: inputs.draw(desk, found), found, Where.INPUTS, expanded=True
    )
left, middle, right = st.columns(3)
with left:
    section("Settings", settings.summary(desk), lambda: settings.draw(desk, found), found, Where.SETTINGS)
with middle:
    section("Checks", checks.summary(desk), lambda: checks.draw(desk, found), found, Where.CHECKS)
with right:
    section("Budget", before.summary(desk), lambda: before.draw(desk, found), found, Where.LIMITS)

if (batch := desk.batch) is not None:
    run.draw(desk, batch)
    results.draw(
        batch.plan, desk.model, batch, name=desk.draft.name, running=batch.state is State.RUNNING,
        others=run.others(desk, batch),
    )  # fmt: skip
with st.bottom:
    bar.draw(desk, found)
if where.backend is None:
    place.await_twin(where)
