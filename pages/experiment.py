"""Tune: prompts × inputs × settings × repetitions, within a budget, judged by checks."""

from __future__ import annotations

import streamlit as st

from lib.experiment.problem import Where, problems
from lib.ui import echo, place
from lib.ui.experiment import bar, before, checks, inputs, prompts, results, run, saved, settings, typed
from lib.ui.experiment.desk import Desk
from lib.ui.experiment.section import section
from lib.ui.trouble import trouble

where = place.current()
desk = Desk(where.backend)
typed.begin()
found = problems(desk.plan, desk.model)
shown = () if desk.blank else found  # nobody has done anything wrong yet

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    place.draw(where, busy=False)
    saved.draw(desk)
saved.title(desk)
notice = st.container()
batch = desk.batch
if batch is not None and batch.at_work and (refused := desk.refusal()) is not None:
    with notice:  # the bar, where it would stand, is drawn anew all the time
        trouble(refused)

left, right = st.columns(2)
with left:
    section("Prompts", desk, shown, Where.PROMPT, prompts.summary, prompts.draw)
with right:
    section("Inputs", desk, shown, Where.INPUTS, inputs.summary, inputs.draw)
left, middle, right = st.columns(3)
with left:
    section("Settings", desk, shown, Where.SETTINGS, settings.summary, settings.draw)
with middle:
    section("Checks", desk, shown, Where.CHECKS, checks.summary, checks.draw)
with right:
    section("Budget", desk, shown, Where.LIMITS, before.summary, before.draw)
echo.listen()

with st.bottom:
    bar.draw(desk, found)  # before the results: whatever becomes of these, the run is in hand
if batch is not None:
    run.draw(desk, batch)
    results.draw(
        batch.plan,
        desk.model,
        batch,
        name=desk.draft.name,
        running=batch.at_work,
        others=run.others(desk, batch),
    )
if where.backend is None:
    with notice:
        place.watch_twin(where)
