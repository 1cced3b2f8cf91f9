"""Tune: prompts × inputs × settings × repetitions, within a budget, judged by checks."""

from __future__ import annotations

import streamlit as st

from lib.experiment.plan_problems import PlanPart, find_problems
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
from lib.ui.experiment.collapsible_section import draw_section
from lib.ui.experiment.experiment_tab import ExperimentTab
from lib.ui.shell import backend_picker
from lib.ui.widgets.error_box import draw_error

where = backend_picker.current_choice()
desk = ExperimentTab(where.backend)
live_text_area.begin_drawing()
found = find_problems(desk.plan, desk.model)
shown = () if desk.is_blank else found  # nobody has done anything wrong yet

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    backend_picker.draw_picker(where, busy=False)
    experiment_list.draw_experiment_menu(desk)
experiment_list.draw_title(desk)
notice = st.container()
batch = desk.run
if batch is not None and batch.is_working and (refused := desk.pop_error()) is not None:
    with notice:  # the bar, where it would stand, is drawn anew all the time
        draw_error(refused)

left, right = st.columns(2)
with left:
    draw_section(
        "Prompts", desk, shown, PlanPart.PROMPT, prompts_section.summary, prompts_section.draw_prompts_section
    )
with right:
    draw_section(
        "Inputs", desk, shown, PlanPart.INPUTS, inputs_section.summary, inputs_section.draw_inputs_section
    )
left, middle, right = st.columns(3)
with left:
    draw_section(
        "Settings",
        desk,
        shown,
        PlanPart.SETTINGS,
        settings_section.summary,
        settings_section.draw_settings_section,
    )
with middle:
    draw_section(
        "Checks", desk, shown, PlanPart.CHECKS, checks_section.summary, checks_section.draw_checks_section
    )
with right:
    draw_section(
        "Budget", desk, shown, PlanPart.LIMITS, limits_section.summary, limits_section.draw_limits_section
    )

with st.bottom:
    run_bar.draw_run_bar(desk, found)  # before the results: whatever becomes of these, the run is in hand
if batch is not None:
    run_status.draw_run_status(desk, batch)
    results_section.draw_results(
        batch.plan,
        desk.model,
        batch,
        name=desk.draft.name,
        running=batch.is_working,
        others=run_status.other_runs(desk, batch),
    )
if where.backend is None:
    with notice:
        backend_picker.draw_twin_start(where)
