"""Tune: prompts × inputs × settings × repetitions, within a budget, judged by checks."""

from __future__ import annotations

import streamlit as st

from lib.experiment.plan_problems import Where, problems
from lib.ui.experiment import (
    checks_section,
    experiment_list,
    inputs_section,
    limits_section,
    live_text_area,
    prompts_section,
    results_section,
    run_bar,
    run_status,
    settings_section,
)
from lib.ui.experiment.experiment_tab import Desk
from lib.ui.experiment.section import section
from lib.ui.shell import backend_picker
from lib.ui.widgets import echo
from lib.ui.widgets.error_box import trouble

where = backend_picker.current()
desk = Desk(where.backend)
live_text_area.begin()
found = problems(desk.plan, desk.model)
shown = () if desk.blank else found  # nobody has done anything wrong yet

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    backend_picker.draw(where, busy=False)
    experiment_list.draw(desk)
experiment_list.title(desk)
notice = st.container()
batch = desk.batch
if batch is not None and batch.at_work and (refused := desk.refusal()) is not None:
    with notice:  # the bar, where it would stand, is drawn anew all the time
        trouble(refused)

left, right = st.columns(2)
with left:
    section("Prompts", desk, shown, Where.PROMPT, prompts_section.summary, prompts_section.draw)
with right:
    section("Inputs", desk, shown, Where.INPUTS, inputs_section.summary, inputs_section.draw)
left, middle, right = st.columns(3)
with left:
    section("Settings", desk, shown, Where.SETTINGS, settings_section.summary, settings_section.draw)
with middle:
    section("Checks", desk, shown, Where.CHECKS, checks_section.summary, checks_section.draw)
with right:
    section("Budget", desk, shown, Where.LIMITS, limits_section.summary, limits_section.draw)
echo.listen()

with st.bottom:
    run_bar.draw(desk, found)  # before the results: whatever becomes of these, the run is in hand
if batch is not None:
    run_status.draw(desk, batch)
    results_section.draw(
        batch.plan,
        desk.model,
        batch,
        name=desk.draft.name,
        running=batch.at_work,
        others=run_status.others(desk, batch),
    )
if where.backend is None:
    with notice:
        backend_picker.watch_twin(where)
